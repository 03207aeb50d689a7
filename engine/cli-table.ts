/** Tables of the command line: columns as wide as their longest cell, two spaces between. */
import { stripVTControlCharacters } from "node:util";

export function printTable(rows: readonly (readonly string[])[]): void {
  for (const line of tableLines(rows)) console.log(line);
}

/** Cells may be coloured. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ""))),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)))
      .join("  ")
      .trimEnd(),
  );
}

/** Characters that a terminal shows. */
export function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

/** Six digits; nothing where there is no number. */
export function toCell(value: number | null | undefined): string {
  return value === undefined || value === null ? "" : String(Number(value.toPrecision(6)));
}

export function toPercent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
