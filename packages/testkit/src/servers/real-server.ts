/**
 * A `describe` for tests against a server that has to be installed. Where it is not (`available` is undefined)
 * its tests are skipped in plain sight: the run ends with their list.
 */
export function realServer<T>(name: string, available: T | undefined, body: (available: T) => void): void {
  if (available !== undefined) describe(name, () => body(available));
  // The tests are collected, not run.
  else describe.skip(`${name} (not installed)`, () => body(undefined as T));
}
