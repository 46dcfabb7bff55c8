/** Vitest's global setup: which Node runs the tests. */
export default function printNodeVersion(): void {
  console.log(`Node ${process.version} (${process.execPath})`);
}
