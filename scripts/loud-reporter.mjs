/**
 * Says loudly at the end which tests were skipped, and fails the run for it where CI=true; and which passed only when they
 * were tried once more.
 */
export default class LoudReporter {
  #skipped = [];
  #repeated = [];

  onTestResult(_test, result) {
    for (const { status, fullName, invocations = 1, retryReasons = [] } of result.testResults) {
      if (status === "pending" || status === "todo") this.#skipped.push(fullName);
      if (status === "passed" && invocations > 1) this.#repeated.push([fullName, retryReasons]);
    }
  }

  onRunComplete() {
    if (this.#repeated.length > 0)
      console.error(`\n*** ${this.#repeated.length} TESTS PASSED AT THE SECOND TRY ONLY ***`);
    for (const [name, reasons] of this.#repeated)
      console.error(
        `    tried twice: ${name}\n        ${reasons.join("\n").split("\n", 2).join("\n        ")}`,
      );
    if (this.#skipped.length > 0) console.error(`\n*** ${this.#skipped.length} TESTS WERE SKIPPED ***`);
    for (const name of this.#skipped) console.error(`    skipped: ${name}`);
  }

  getLastError() {
    if (process.env.CI === "true" && this.#skipped.length > 0)
      return new Error(`${this.#skipped.length} tests were skipped, and with CI=true none may be`);
    return undefined;
  }
}
