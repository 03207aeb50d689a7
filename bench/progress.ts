/** What a benchmark is at, on one line of the terminal that is written over; nothing where nobody looks. */

const COLUMNS = 100;
const startedMs = performance.now();

/** Seconds since the run began. */
export function elapsedSeconds(): number {
  return (performance.now() - startedMs) / 1000;
}

/** @param text what is measured now; empty wipes the line. */
export function progress(text: string): void {
  if (!process.stderr.isTTY) return;
  const line = text === "" ? "" : `${Math.round(elapsedSeconds())} s  ${text}`;
  process.stderr.write(`\r${line.slice(0, COLUMNS).padEnd(COLUMNS)}\r`);
}
