/**
 * The electricity market (elec.csv, see test/support/elec-market) replayed week by week against the model that was trained on its
 * first half: which columns drift when, how ROC AUC moves, when a retraining job would be requested; then the same rows
 * shuffled. `node dist/bench/elec-replay.js`, a few seconds; the same numbers every time.
 */
import { evidenceName } from "../engine/monitor/drift/column-name.ts";
import { elecGolden, marketIsMissing, readMarket, readScores } from "../test/support/elec-market.ts";
import { type LabelledRow, measuredBy, type Replay, replayWeeks } from "../test/support/market-replay.ts";
import { createRandom } from "../test/support/random.ts";

if (marketIsMissing !== false) {
  console.error(marketIsMissing);
  process.exit(1);
}
const scores = readScores();
const market: LabelledRow[] = readMarket().map((row, at) => ({ ...row, score: scores[at] as number }));
print("in order", await replay(market));
print("shuffled", await replay(createRandom(1).shuffled(market)));

async function replay(rows: readonly LabelledRow[]): Promise<Replay> {
  return replayWeeks(rows.slice(0, elecGolden.train_rows), rows.slice(elecGolden.train_rows));
}

function print(title: string, { profile, referenceAuc, weeks }: Replay): void {
  const columns = profile.columns;
  console.log(`\nThe market ${title}: bias-corrected PSI by week, *: drift, **: critical`);
  console.log(`ROC AUC of the first weeks: ${textOf(referenceAuc.value)}\n`);
  console.log(
    `| week | ${columns.map(({ name }) => name).join(" | ")} | AUC | estimated | incident | retraining |`,
  );
  console.log(`|---${"|---".repeat(columns.length + 4)}|`);
  for (const { week, window, realised, estimated, decision } of weeks) {
    const measures = measuredBy(window);
    const verdicts = new Map(window.verdict?.columns.map((one) => [one.column, one]));
    const cells = columns.map((column) => {
      const verdict = verdicts.get(evidenceName(column));
      const mark = verdict?.verdict === "drift" ? (verdict.isCritical ? "**" : "*") : "";
      return `${textOf(measures.get(column.name)?.psi?.corrected ?? null, 2)}${mark}`;
    });
    const changes = window.changes.map(({ change, columns: whose }) => `${change} (${whose.join(", ")})`);
    console.log(
      `| ${[week, ...cells, textOf(realised.value), textOf(estimated?.value ?? null), changes.join("; "), decision.outcome].join(" | ")} |`,
    );
  }
}

function textOf(value: number | null, digits = 3): string {
  return value === null ? "" : value.toFixed(digits);
}
