/** Trainings over rows in memory, one going on from the other, as jobs are trained: rows of letters that matter, one an hour. */
import { createTrainingTools } from "../../engine/app-training-tools.ts";
import type { ModelInput } from "../../engine/core/model-input.ts";
import { runTraining, type TrainingRun } from "../../engine/train/run-training.ts";
import type { LearningTask, ModelFiles, OnNews } from "../../engine/train/training-task.ts";
import { createRandom } from "./random.ts";
import type { PlainRow } from "./raw-rows.ts";
import { tableOf } from "./training-tables.ts";

export const FIRST_MS = Date.UTC(2026, 0, 1);
export const HOUR_MS = 3_600_000;
const INPUTS: readonly ModelInput[] = [
  { name: "letter", type: "text" },
  { name: "amount", type: "float" },
];
/** Probability of "yes" by letter: no order of letters helps. */
const SHARES = { a: 0.95, b: 0.05, c: 0.9, d: 0.1, e: 0.92, f: 0.08, g: 0.85, h: 0.15 } as const;

export interface RowsAsked {
  /** Hours since FIRST_MS of the first row. */
  readonly from: number;
  readonly count: number;
  readonly letters?: string;
  readonly amountScale?: number;
  readonly inputs?: readonly ModelInput[];
  readonly classes?: readonly string[];
  readonly hasTimes?: boolean;
}

export interface TrainingAsked {
  readonly rows: RowsAsked;
  readonly spec?: object;
  readonly champion?: ModelFiles;
  readonly kept?: Pick<LearningTask, "trials" | "triedOn">;
  readonly onNews?: OnNews;
}

/** The specification needs no more than what it is about. */
export async function trainOn({
  rows,
  spec = {},
  champion,
  kept,
  onNews,
}: TrainingAsked): Promise<TrainingRun> {
  const source = {
    source: "query" as const,
    sql: "SELECT 1",
    asked_at: new Date(FIRST_MS).toISOString(),
    total_rows: rows.count,
    grouped_by: ["entity"],
  };
  return runTraining(
    {
      spec: {
        model_name: "letters",
        data: { source: "query", sql: "SELECT 1", label_column: "label" },
        ...spec,
      },
      champion,
      championDigest: champion === undefined ? undefined : "digest",
      version: champion === undefined ? "1.0.0" : "1.1.0",
      trials: [],
      ...kept,
    },
    createTrainingTools(async () => ({ table: tableFor(rows), source, notes: [] })),
    onNews ?? (() => undefined),
  );
}

function tableFor({
  from,
  count,
  letters = "abcdefgh",
  amountScale = 1,
  inputs = INPUTS,
  classes = ["no", "yes"],
  hasTimes = true,
}: RowsAsked) {
  const random = createRandom(from + 1);
  const rows: PlainRow[] = [];
  const targets: number[] = [];
  for (let row = 0; row < count; row++) {
    const letter = letters[random.between(0, letters.length - 1)] as keyof typeof SHARES;
    const amount = random.next();
    rows.push(inputs.map(({ name }) => (name === "letter" ? letter : amount * amountScale)));
    targets.push(random.next() < SHARES[letter] * 0.8 + amount * 0.2 ? 1 : 0);
  }
  const timesMs = Float64Array.from({ length: count }, (_, row) => FIRST_MS + (from + row) * HOUR_MS);
  return tableOf(inputs, rows, targets, { classes, ...(hasTimes ? { timesMs } : {}) });
}
