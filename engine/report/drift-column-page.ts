/**
 * One column's part of a drift report: its picture, its numbers, and the numbers of the picture as a table.
 */
import { htmlText } from "../core/html-text.ts";
import type { DriftColumn } from "../monitor/drift/drift-answer.ts";
import { BARS_MAX, driftPicture, mostChanged } from "./drift-picture.ts";
import { toBars } from "./histogram.ts";
import {
  columnTitle,
  countText,
  ksText,
  percentText,
  problemsText,
  rateText,
  scoreText,
  shortNumber,
  verdictText,
  visibleText,
} from "./report-text.ts";

/** `at`: its place among the page's columns, for links. */
export function columnSection(column: DriftColumn, at: number): string {
  const bars = toBars(column.bins, BARS_MAX);
  const rows = bars.map(
    ({ label, reference, current }) =>
      `<tr><th scope="row">${text(label)}</th><td class="number">${percentText(reference)}</td><td class="number">${percentText(current)}</td></tr>`,
  );
  const numbers = numbersOf(column).map(([name, value]) => `<dt>${name}</dt><dd>${text(value)}</dd>`);
  return `<section class="column" id="column-${at}">
<h3>${text(columnTitle(column))}</h3>
<div>
<figure>
${driftPicture(column, `picture-${at}`)}
<figcaption>${text(mostChanged(bars))}</figcaption>
</figure>
<dl class="numbers">
${numbers.join("\n")}
</dl>
</div>
<details><summary>Shares as a table</summary>
<table>
<caption>Share of rows in each bin of ${text(columnTitle(column))}</caption>
<thead><tr><th scope="col">Bin</th><th scope="col" class="number">Reference</th><th scope="col" class="number">Current</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
</details>
</section>`;
}

/** Those that the column has. */
function numbersOf(column: DriftColumn): (readonly [name: string, value: string])[] {
  const { psi, psi_corrected, p_adjusted, wasserstein, chi_square: chiSquare } = column;
  const normalized = wasserstein?.normalized ?? null;
  const numbers: [string, string][] = [
    ["Verdict", verdictText(column)],
    ["Problems", problemsText(column)],
    ["Rows", countText(column.rows)],
    ["PSI, corrected", scoreText(psi_corrected)],
    ["PSI", scoreText(psi)],
    ["p, adjusted", p_adjusted === null ? "" : shortNumber(p_adjusted)],
    ["KS", ksText(column)],
    ["Jensen-Shannon", scoreText(column.jensen_shannon)],
    ["KL", scoreText(column.kl)],
    ["Wasserstein", normalized === null ? "" : `${scoreText(normalized)} std`],
    ["Chi-square", chiSquare === null ? "" : `${shortNumber(chiSquare.statistic)} (df ${chiSquare.freedom})`],
    ["Null", rateText(column.null_rate)],
    ["Unseen", rateText(column.unseen_rate)],
    ["Out of range", rateText(column.out_of_range_rate)],
  ];
  return numbers.filter(([, value]) => value !== "");
}

function text(value: string): string {
  return htmlText(visibleText(value));
}
