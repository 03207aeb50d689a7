/** A champion and a challenger of overlapping rows: neither is judged by what it has learned from, and they need no more than the same classes. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readFileRows } from "../../engine/app-training-rows.ts";
import { createTrainingTools } from "../../engine/app-training-tools.ts";
import type { FileData } from "../../engine/core/training-data.ts";
import { parseTrainingSpec } from "../../engine/core/training-spec.ts";
import type { GateVerdict } from "../../engine/train/gate/gate-verdict.ts";
import { runTraining, type TrainingRun } from "../../engine/train/run-training.ts";
import type { ModelFiles } from "../../engine/train/training-task.ts";
import { hasCode } from "../support/error-code.ts";
import { createRandom } from "../support/random.ts";

const HEAD = "a,b,c,label";

/** Labels that no feature tells anything of. */
function noise(rows: number): string[] {
  const random = createRandom(3);
  const value = (): string => random.next().toFixed(5);
  return Array.from(
    { length: rows },
    () => `${value()},${value()},${value()},${random.next() < 0.5 ? "good" : "bad"}`,
  );
}

describe("a comparison of versions whose rows overlap", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-fair-"));
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  async function trained(lines: readonly string[], champion?: ModelFiles): Promise<TrainingRun> {
    const path = join(folder, "rows.csv");
    await writeFile(path, [HEAD, ...lines].join("\n"));
    const spec = parseTrainingSpec({
      model_name: "m",
      model_type: "GRADIENT_BOOSTING",
      parameters: { learning_rate: 0.3, max_depth: 8, n_estimators: 60 },
      data: { source: "file", path, label_column: "label" },
      validation: { method: "holdout" },
      gate: { rows_min: 50, class_rows_min: 2 },
    });
    const version = champion === undefined ? "1.0.0" : "2.0.0";
    const task = { spec, version, champion, championDigest: "sha256:1", trials: [] };
    const tools = createTrainingTools(async (_, former) => readFileRows(spec.data as FileData, former));
    return runTraining(task, tools, () => undefined);
  }

  it("is on rows that neither has seen, though the rows have moved", async () => {
    const lines = noise(2_300);
    const first = await trained(lines.slice(0, 2_000));
    const second = await trained(lines.slice(300), first.result.model);
    const { comparison } = second.result.gate as unknown as GateVerdict;
    const auc = comparison.metrics.find(({ metric }) => metric === "roc_auc");
    const value = auc?.champion?.value ?? Number.NaN;
    assert.ok(value > 0.4 && value < 0.6, `the champion's ROC AUC of noise is ${value}`);
  });

  it("takes the champion's order of the same classes, and refuses others before it trains", async () => {
    const lines = noise(400);
    const { result } = await trained(lines);
    const classes = ["good", "bad"];
    const champion = { ...result.model, manifest: { ...(result.model.manifest as object), classes } };
    const { result: next } = await trained(lines, champion);
    assert.deepEqual((next.model.manifest as { classes: unknown }).classes, classes);
    const renamed = lines.map((line) => line.replace("bad", "worse"));
    await assert.rejects(
      trained(renamed, champion),
      hasCode("INVALID_REQUEST", /has the labels good, worse, where m@1\.0\.0 has good, bad/),
    );
  });
});
