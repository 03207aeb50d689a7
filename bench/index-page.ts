/** All results of a folder on one page: each benchmark's figures, and which goals they meet. Pure. */
import { htmlText } from "../engine/core/html-text.ts";
import { figureRow, inDocument, MET, MISSED, table } from "./page.ts";
import type { KeptReport } from "./report.ts";

export function toIndexPage(reports: readonly KeptReport[]): string {
  const benchmarks = reports
    .filter(({ ratios }) => ratios !== undefined)
    .map((report) => ({
      ...report,
      figures: Object.entries(report.ratios).map(([figure, value]) => figureRow(figure, value)),
    }));
  const verdicts = benchmarks.flatMap(({ figures }) => figures.map((figure) => figure[""]));
  const count = (verdict: string): number => verdicts.filter((one) => one === verdict).length;
  const sections = benchmarks.map(
    ({ benchmark, title, machine, figures }) =>
      `<h2><a href="${htmlText(encodeURIComponent(benchmark))}.html">${htmlText(benchmark)}</a>: ${htmlText(title)}</h2>
<p class="machine">${htmlText(machine)}</p>
${table(figures)}`,
  );
  const summary = `<p>Goals met: <b class="met">${count(MET)}</b>, missed: <b class="missed">${count(MISSED)}</b>.</p>`;
  return inDocument("Benchmarks", `${summary}\n${sections.join("\n")}`);
}
