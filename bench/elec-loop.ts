/**
 * The electricity market (elec.csv) replayed whole with the loop on against the loop off: each week is scored by the model that serves
 * then, a week's labels come a week later, and what the monitor and the retraining policy request is trained by the engine's own
 * training, judged by its gate, and takes over with the next week. `node dist/bench/elec-loop.js [--svg file]`: AUC by week side by side,
 * and the picture. The same numbers every time.
 *
 * Defaults everywhere, but that all labels so far are learned from (the market has seasons), the last tenth of them to judge by.
 */
import { writeFileSync } from "node:fs";
import { createTrainingTools } from "../engine/app-training-tools.ts";
import { parseManifest } from "../engine/core/manifest.ts";
import type { RetrainRequest } from "../engine/core/retrain-request.ts";
import { parseTrainingSpec } from "../engine/core/training-spec.ts";
import { withExampleRow } from "../engine/example-row.ts";
import { groupsOf } from "../engine/train/data/row-groups.ts";
import type { TrainingTable } from "../engine/train/data/training-table.ts";
import { scoreRows } from "../engine/train/model-scores.ts";
import { nextVersion } from "../engine/train/next-version.ts";
import { runTraining } from "../engine/train/run-training.ts";
import type { TrainingTask } from "../engine/train/training-task.ts";
import { openClickHouse } from "../storage/clickhouse.ts";
import { elecGolden, type MarketRow, marketIsMissing, readMarket } from "../test/support/elec-market.ts";
import { type LabelledRow, replayWeeks, WEEK_ROWS } from "../test/support/market-replay.ts";
import { readModelFolder } from "../test/support/model-folder.ts";
import type { ModelArtifact } from "../workers/runtime.ts";
import { weeksPicture } from "./weeks-picture.ts";

const ROW_MS = 1_800_000;
const SPEC = {
  model_name: "elec",
  data: { source: "labelled", window: "3650d" },
  search: { trials_max: 20 },
  validation: { method: "time_series", test_share: 0.05 },
};

/** A model in production, and from which week on. */
interface Served {
  readonly artifact: ModelArtifact;
  readonly fromWeek: number;
}

interface Week {
  readonly week: number;
  readonly version: string;
  readonly auc: number | null;
  readonly note: string;
}

if (marketIsMissing !== false) {
  console.error(marketIsMissing);
  process.exit(1);
}
// reads nothing: rows come from the file
const tools = createTrainingTools(openClickHouse("http://127.0.0.1:1"), "none");
const market = readMarket();
const first = market.slice(0, elecGolden.train_rows);
const rest = market.slice(elecGolden.train_rows);
const weeks = Math.floor(rest.length / WEEK_ROWS);

const off = await replay("off");
const on = await replay("on");
print(off, on);
const at = process.argv.indexOf("--svg");
const file = process.argv[at + 1];
if (at > 0 && file !== undefined) writeFileSync(file, weeksPicture(off, on));

async function replay(loop: "on" | "off"): Promise<Week[]> {
  let served: Served = { artifact: readModelFolder("test/fixtures/elec"), fromWeek: 1 };
  const versions = ["1.0.0"];
  const replayed: Week[] = [];
  while (replayed.length < weeks) {
    const { version } = served.artifact.manifest;
    const past = [...first, ...rest.slice(0, (served.fromWeek - 1) * WEEK_ROWS)];
    const reference = await scored(served.artifact, past.slice(-first.length));
    const live = await scored(served.artifact, rest.slice((served.fromWeek - 1) * WEEK_ROWS));
    const { weeks: found } = await replayWeeks(reference, live);
    let next: Served | undefined;
    for (const { week, realised, decision } of found) {
      const number = served.fromWeek + week - 1;
      const isAsked = loop === "on" && decision.outcome === "requested" && number < weeks;
      let note = isAsked ? `retraining for ${decision.request.cause}` : "";
      if (isAsked) {
        const made = await train(served.artifact, decision.request, number, nextVersion(versions));
        note += made.artifact === undefined ? `: rejected (${made.reason})` : ": deployed";
        if (made.artifact !== undefined) next = { artifact: made.artifact, fromWeek: number + 1 };
      }
      replayed.push({ week: number, version, auc: realised.value, note });
      if (next !== undefined) break;
    }
    if (next === undefined) break;
    versions.push(next.artifact.manifest.version);
    served = next;
  }
  return replayed;
}

/** What the engine's training makes of all labels that had come when a week was over: those up to the week before. */
async function train(
  champion: ModelArtifact,
  request: RetrainRequest,
  week: number,
  version: string,
): Promise<{ readonly artifact?: ModelArtifact; readonly reason?: string }> {
  const known = [...first, ...rest.slice(0, (week - 1) * WEEK_ROWS)];
  const spec = parseTrainingSpec(SPEC);
  const task: TrainingTask = {
    request,
    spec,
    champion,
    championDigest: undefined,
    versions: [champion.manifest],
    version,
    trials: [],
    codeVersion: "bench",
    clickhouseUrl: "",
    analystUrl: "",
    database: "",
  };
  const readTable = async () => ({ table: tableOf(known), source: sourceOf(known.length), notes: [] });
  const result = await runTraining(task, { ...tools, readTable }, () => undefined);
  const { reasons = [] } = result.gate as { readonly reasons?: readonly string[] };
  if (!result.isPassed) return { reason: reasons[0] ?? "" };
  return { artifact: { manifest: parseManifest(result.model.manifest), files: result.model.files } };
}

function sourceOf(rows: number) {
  const from = new Date(0).toISOString();
  const to = new Date(rows * ROW_MS).toISOString();
  const zero = { epoch: 0, seq: 0 };
  const positions = { labels: zero, predictions: zero };
  const counts = { predictions: rows, labelled: rows };
  return {
    source: "labelled" as const,
    model_name: "elec",
    versions: ["1.0.0"],
    from,
    to,
    as_of: to,
    positions,
    ...counts,
  };
}

function tableOf(rows: readonly MarketRow[]): TrainingTable {
  const { inputs, classes = [] } = readModelFolder("test/fixtures/elec").manifest;
  return {
    inputs,
    classes,
    raw: rawOf(rows),
    targets: Float64Array.from(rows, ({ label }) => label),
    timesMs: Float64Array.from(rows, (_, row) => row * ROW_MS),
    groups: groupsOf(rows.length, (row) => `row ${row}`),
  };
}

function rawOf(rows: readonly MarketRow[]) {
  const { inputs } = readModelFolder("test/fixtures/elec").manifest;
  const numbers = Float32Array.from(
    rows.flatMap(({ features }) => inputs.map(({ name }) => features[name] ?? Number.NaN)),
  );
  return { count: rows.length, numbers, texts: [] };
}

async function scored(artifact: ModelArtifact, rows: readonly MarketRow[]): Promise<LabelledRow[]> {
  const model = await tools.load(withExampleRow(artifact));
  const outputs = await scoreRows(model, artifact.manifest, rawOf(rows));
  await model.close();
  return rows.map((row, index) => ({ ...row, score: outputs[2 * index + 1] as number }));
}

function print(without: readonly Week[], withLoop: readonly Week[]): void {
  console.log("| week | AUC, loop off | AUC, loop on | version | |\n|---|---|---|---|---|");
  for (const [index, { week, auc }] of without.entries()) {
    const other = withLoop[index];
    console.log(
      `| ${[week, textOf(auc), textOf(other?.auc ?? null), other?.version, other?.note].join(" | ")} |`,
    );
  }
  const pairs = without.map(({ auc }, index) => [auc ?? 0, withLoop[index]?.auc ?? 0] as const);
  const mean = (side: 0 | 1): number => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length;
  const better = pairs.filter(([a, b]) => b > a).length;
  const worse = pairs.filter(([a, b]) => b < a).length;
  console.log(
    `\nmean AUC by week: off ${textOf(mean(0))}, on ${textOf(mean(1))}; on is better in ${better} weeks, worse in ${worse}`,
  );
}

function textOf(value: number | null): string {
  return value === null ? "" : value.toFixed(3);
}
