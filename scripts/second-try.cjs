// A test with real servers or processes may meet what is no fault of the project's: a database of Nacos that got no lock, a
// machine that stood still. In CI it is tried once more, and the run says so loudly (loud-reporter.mjs); at a desk it fails.
if (process.env.CI === "true") jest.retryTimes(1, { logErrorsBeforeRetry: true });
