/** Says loudly at the end which tests were skipped, and fails the run for it where CI=true. */
export default class SkipReporter {
  #skipped = [];

  onTestResult(_test, result) {
    for (const one of result.testResults)
      if (one.status === "pending" || one.status === "todo") this.#skipped.push(one.fullName);
  }

  onRunComplete() {
    if (this.#skipped.length === 0) return;
    console.error(`\n*** ${this.#skipped.length} TESTS WERE SKIPPED ***`);
    for (const name of this.#skipped) console.error(`    skipped: ${name}`);
  }

  getLastError() {
    if (process.env.CI === "true" && this.#skipped.length > 0)
      return new Error(`${this.#skipped.length} tests were skipped, and with CI=true none may be`);
    return undefined;
  }
}
