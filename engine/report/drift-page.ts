/**
 * A drift report as one page: no script, nothing loaded from anywhere, well-formed as XML too. Everything that comes from
 * models and data is escaped, and the page forbids scripts and foreign content itself.
 */
import { htmlText } from "../core/html-text.ts";
import type { DriftColumn, IncidentJson } from "../monitor/drift/drift-answer.ts";
import { columnSection } from "./drift-column-page.ts";
import { DRIFT_STYLE } from "./drift-style.ts";
import { bySeverity, countsOf, type DriftView, hintsOf, isCriticalWindow } from "./drift-view.ts";
import { measureNotes } from "./measure-notes.ts";
import {
  columnTitle,
  comparedText,
  exactText,
  ksText,
  momentText,
  problemsText,
  rateText,
  scoreText,
  verdictText,
  visibleText,
  windowText,
} from "./report-text.ts";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

export function driftPage(view: DriftView): string {
  const columns = bySeverity(view.answer.columns);
  const title = `Drift of ${view.answer.model_name} ${view.answer.model_version}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width"/>
<meta http-equiv="Content-Security-Policy" content="${htmlText(POLICY)}"/>
<title>${text(title)}</title>
<style>${DRIFT_STYLE}</style>
</head>
<body>
<main>
${head(view, title)}
${todo(view)}
${incidents(view.incidents)}
<h2>Features</h2>
${summary(columns)}
<h2>Reference against current</h2>
<p><span class="key reference"></span> reference &#160; <span class="key current"></span> current: share of the rows in each bin</p>
${columns.map(columnSection).join("\n")}
<h2>How to read it</h2>
<dl class="notes">
${measureNotes(view.settings)
  .map(({ term, about }) => `<dt>${text(term)}</dt><dd>${text(about)}</dd>`)
  .join("\n")}
</dl>
</main>
</body>
</html>
`;
}

function head({ answer }: DriftView, title: string): string {
  const { variant, reference_id, verdict } = answer;
  const state = stateOf({ verdict, is_critical: isCriticalWindow(answer) });
  const whose = variant === undefined ? "" : `, variant ${variant}`;
  const exact = exactText(answer);
  return `<h1>${text(title)}</h1>
<p>${state} ${countsOf(answer)}</p>
<p>${text(windowText(answer))}${text(whose)}: ${text(comparedText(answer))}</p>${exact === undefined ? "" : `\n<p>${text(exact)}</p>`}
<p class="soft">Reference <code>${text(reference_id)}</code></p>`;
}

function todo(view: DriftView): string {
  const hints = hintsOf(view);
  if (hints.length === 0) return "";
  const items = hints.map((hint) => `<li>${text(hint)}</li>`);
  return `<h2>What to do</h2>\n<ul>\n${items.join("\n")}\n</ul>`;
}

function incidents(open: readonly IncidentJson[]): string {
  if (open.length === 0) return "<h2>Open incidents</h2>\n<p>None.</p>";
  const rows = open.map((incident) => {
    const names = incident.columns.map(({ column, psi_max, problems }) =>
      [column, psi_max === null ? "" : `PSI up to ${scoreText(psi_max)}`, ...problems]
        .filter(Boolean)
        .join(" "),
    );
    return `<tr><td>${text(incident.cause)}</td><td>${text(incident.severity)}</td><td>${text(momentText(incident.opened_at))}</td><td>${text(names.join("; "))}</td><td><code>${text(incident.incident_id)}</code></td></tr>`;
  });
  return `<h2>Open incidents</h2>
<div class="scroll"><table>
<thead><tr>${["Cause", "Severity", "Opened (UTC)", "Columns", "Id"].map(headCell).join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table></div>`;
}

function summary(columns: readonly DriftColumn[]): string {
  const numbers = ["PSI, corrected", "KS", "Jensen-Shannon", "Null"];
  const rows = columns.map((column, at) => {
    const scores = [
      scoreText(column.psi_corrected),
      ksText(column),
      scoreText(column.jensen_shannon),
      rateText(column.null_rate),
    ];
    return `<tr><th scope="row"><a href="#column-${at}">${text(columnTitle(column))}</a></th><td>${stateOf(column)}</td>${scores.map((score) => `<td class="number">${text(score)}</td>`).join("")}<td>${text(problemsText(column))}</td></tr>`;
  });
  return `<div class="scroll"><table>
<caption>All columns, the worst first</caption>
<thead><tr>${headCell("Column")}${headCell("Verdict")}${numbers.map((name) => `<th scope="col" class="number">${name}</th>`).join("")}${headCell("Problems")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table></div>`;
}

function stateOf(judged: Pick<DriftColumn, "verdict" | "is_critical">): string {
  const level = judged.is_critical ? " critical" : "";
  return `<span class="state ${judged.verdict}${level}">${text(verdictText(judged))}</span>`;
}

function headCell(name: string): string {
  return `<th scope="col">${name}</th>`;
}

function text(value: string): string {
  return htmlText(visibleText(value));
}
