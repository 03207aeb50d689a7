/**
 * The electricity market replayed with retraining: each week is scored by the model that serves then, a week's labels come a week
 * later, and what the retraining policy requests is trained by the engine's own training on the labels that have come, judged by its gate,
 * and takes over with the next week. Everything is the engine's, but for tables and clock (test/support/market-replay).
 */
import { createTrainingTools, loadModel } from "../engine/app-training-tools.ts";
import { parseManifest } from "../engine/core/manifest.ts";
import { parseTrainingSpec } from "../engine/core/training-spec.ts";
import { withExampleRow } from "../engine/example-row.ts";
import { groupsOf } from "../engine/train/data/row-groups.ts";
import type { TrainingTable } from "../engine/train/data/training-table.ts";
import { createScorer } from "../engine/train/model-scores.ts";
import { nextVersion } from "../engine/train/next-version.ts";
import { TRAINING_FILE } from "../engine/train/remembered-training.ts";
import { runTraining } from "../engine/train/run-training.ts";
import type { MarketRow } from "../test/support/elec-market.ts";
import { type LabelledRow, replayWeeks, WEEK_ROWS } from "../test/support/market-replay.ts";
import { readModelFolder } from "../test/support/model-folder.ts";
import type { ModelArtifact } from "../workers/runtime.ts";

const ROW_MS = 1_800_000;
const FIXTURE = readModelFolder("test/fixtures/elec");
/** All trees that are asked for: how many was chosen by the replay. */
export const NEVER_STOPPED = { early_stopping_rounds: 0 } as const;

/** What is retrained with, and when. */
export interface LoopSettings {
  readonly name: string;
  /** Weeks of labels that a job reads; all of them unless told. */
  readonly windowWeeks?: number;
  readonly spec: object;
  /** Of the retraining policy. */
  readonly policy: object;
}

export interface LoopWeek {
  /** From 1. */
  readonly week: number;
  readonly version: string;
  /** ROC AUC of the week; null where a class has no rows. */
  readonly auc: number | null;
  readonly note: string;
}

interface Served {
  readonly artifact: ModelArtifact;
  readonly fromWeek: number;
}

/** The fixture's model, which scikit-learn trained on these rows. */
export function fixtureModel(rows: readonly MarketRow[]): ModelArtifact {
  const trained_until = new Date((rows.length - 1) * ROW_MS).toISOString();
  const lineage = {
    validation: parseTrainingSpec({ model_name: "elec", validation: { method: "out_of_time" } }).validation,
    data: { trained_until, source: { source: "labelled" } },
  };
  const record = Buffer.from(JSON.stringify({ lineage }));
  return { manifest: FIXTURE.manifest, files: new Map([...FIXTURE.files, [TRAINING_FILE, record]]) };
}

/** What the engine's defaults train on these rows, but for early stopping, validated on the last tenth of them. */
export async function firstModel(rows: readonly MarketRow[]): Promise<ModelArtifact> {
  const validation = { method: "out_of_time", test_share: 0.1 };
  const spec = { parameters: NEVER_STOPPED, validation };
  const { artifact, reason } = await train(undefined, { name: "first", spec, policy: {} }, rows, "1.0.0");
  if (artifact === undefined) throw new Error(`the first model was rejected: ${reason}`);
  return artifact;
}

/** @param settings undefined: nobody retrains. */
export async function replayLoop(
  first: readonly MarketRow[],
  rest: readonly MarketRow[],
  champion: ModelArtifact,
  settings: LoopSettings | undefined,
): Promise<LoopWeek[]> {
  const weeks = Math.floor(rest.length / WEEK_ROWS);
  let next: Served | undefined = { artifact: champion, fromWeek: 1 };
  const versions = ["1.0.0"];
  const replayed: LoopWeek[] = [];
  while (next !== undefined) {
    const { artifact, fromWeek }: Served = next;
    next = undefined;
    const past = [...first, ...rest.slice(0, (fromWeek - 1) * WEEK_ROWS)];
    const reference = await scored(artifact, past.slice(-windowRows(settings, first.length)));
    const live = await scored(artifact, rest.slice((fromWeek - 1) * WEEK_ROWS));
    const { weeks: found } = await replayWeeks(reference, live, settings?.policy);
    for (const { week, realised, decision } of found) {
      const number: number = fromWeek + week - 1;
      let note = "";
      if (settings !== undefined && decision.outcome === "requested" && number < weeks) {
        const known = [...first, ...rest.slice(0, (number - 1) * WEEK_ROWS)];
        const made = await train(artifact, settings, known, nextVersion(versions));
        const outcome = made.artifact === undefined ? `rejected (${made.reason})` : "deployed";
        note = `retraining for ${decision.request.cause}: ${outcome}`;
        if (made.artifact !== undefined) next = { artifact: made.artifact, fromWeek: number + 1 };
      }
      replayed.push({ week: number, version: artifact.manifest.version, auc: realised.value, note });
      if (next !== undefined) break;
    }
    if (next !== undefined) versions.push(next.artifact.manifest.version);
  }
  return replayed;
}

function windowRows(settings: LoopSettings | undefined, unlessTold: number): number {
  return settings?.windowWeeks === undefined ? unlessTold : settings.windowWeeks * WEEK_ROWS;
}

/** What the engine's training makes of the newest of these rows. */
async function train(
  champion: ModelArtifact | undefined,
  settings: LoopSettings,
  known: readonly MarketRow[],
  version: string,
): Promise<{ readonly artifact?: ModelArtifact; readonly reason?: string }> {
  const rows = known.slice(-windowRows(settings, known.length));
  const spec = parseTrainingSpec({
    model_name: "elec",
    data: { source: "labelled", window: "3650d" },
    ...settings.spec,
  });
  const task = {
    spec,
    champion,
    championDigest: undefined,
    version,
    trials: [],
  };
  const table = tableOf(rows, known.length - rows.length);
  const readTable = async () => ({ table, source: sourceOf(rows.length), notes: [] });
  const { result } = await runTraining(task, createTrainingTools(readTable), () => undefined);
  const { reasons = [] } = result.gate as { readonly reasons?: readonly string[] };
  if (!result.isPassed) return { reason: reasons[0] ?? "" };
  return { artifact: { manifest: parseManifest(result.model.manifest), files: result.model.files } };
}

function sourceOf(rows: number) {
  const [from, to] = [0, rows * ROW_MS].map((ms) => new Date(ms).toISOString()) as [string, string];
  const zero = { epoch: 0, seq: 0 };
  return {
    source: "labelled" as const,
    model_name: "elec",
    versions: ["1.0.0"],
    from,
    to,
    as_of: to,
    positions: { labels: zero, predictions: zero },
    predictions: rows,
    labelled: rows,
  };
}

/** @param firstRow of the market. */
function tableOf(rows: readonly MarketRow[], firstRow: number): TrainingTable {
  const { inputs, classes = [] } = FIXTURE.manifest;
  return {
    inputs,
    classes,
    raw: rawOf(rows),
    targets: Float64Array.from(rows, ({ label }) => label),
    timesMs: Float64Array.from(rows, (_, row) => (firstRow + row) * ROW_MS),
    groups: groupsOf(rows.length, (row) => `row ${firstRow + row}`),
  };
}

function rawOf(rows: readonly MarketRow[]) {
  const { inputs } = FIXTURE.manifest;
  const numbers = Float32Array.from(
    rows.flatMap(({ features }) => inputs.map(({ name }) => features[name] ?? Number.NaN)),
  );
  return { count: rows.length, numbers, texts: [] };
}

async function scored(artifact: ModelArtifact, rows: readonly MarketRow[]): Promise<LabelledRow[]> {
  const model = await loadModel(withExampleRow(artifact));
  const outputs = await createScorer(model, artifact.manifest)(rawOf(rows));
  await model.close();
  return rows.map((row, index) => ({ ...row, score: outputs[2 * index + 1] as number }));
}
