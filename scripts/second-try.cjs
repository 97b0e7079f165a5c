// A machine that stood still for a moment, or a database of Nacos that got no lock, is no fault of the project's. In CI a test
// that failed is tried once more, and the run says so loudly (loud-reporter.mjs); at a desk it fails.
if (process.env.CI === "true") jest.retryTimes(1, { logErrorsBeforeRetry: true });
