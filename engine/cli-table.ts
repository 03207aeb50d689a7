/** Tables of the command line: columns as wide as their longest cell, two spaces between. */

export function printTable(rows: readonly (readonly string[])[]): void {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
}

/** Six digits; nothing where there is no number. */
export function toCell(value: number | null | undefined): string {
  return value === undefined || value === null ? "" : String(Number(value.toPrecision(6)));
}

export function toPercent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
