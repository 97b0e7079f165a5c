/** docs/compatibility.md. */
export function compatibilityPage(results) {
  return `# Compatibility\n\n${JSON.stringify(results.date)}\n`;
}
