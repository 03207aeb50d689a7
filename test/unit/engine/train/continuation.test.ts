/** Trainings that go on from the version that serves: with its inputs and its preprocessing, and judged by what it has not learned from. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { parseManifest } from "../../../../engine/core/manifest.ts";
import { TRAINING_FILE } from "../../../../engine/train/remembered-training.ts";
import type { TrainingRun } from "../../../../engine/train/run-training.ts";
import type { TrainingRecord } from "../../../../engine/train/training-record.ts";
import { FIRST_MS, HOUR_MS, trainOn } from "../../../support/continued-training.ts";

const LATER = { from: 4_000, count: 2_000, letters: "bcdefgh" };
const FIRST = { from: 0, count: 4_000 };
const NETWORK = { epochs: 8, hidden_units: [8], learning_rate: 0.01 };
const TYPES = [
  { model_type: "GRADIENT_BOOSTING", mode: "INCREMENTAL", parameters: { n_estimators: 20 } },
  { model_type: "RANDOM_FOREST", mode: "INCREMENTAL", parameters: { n_estimators: 20 } },
  { model_type: "LINEAR", mode: "INCREMENTAL", parameters: {} },
  { model_type: "NEURAL_NETWORK", mode: "INCREMENTAL", parameters: NETWORK },
  { model_type: "NEURAL_NETWORK", mode: "TRANSFER_LEARNING", parameters: NETWORK },
  {
    model_type: "ENSEMBLE",
    mode: "ENSEMBLE_UPDATE",
    parameters: { folds: 2, members: [{ model_type: "LINEAR" }, { model_type: "RANDOM_FOREST" }] },
  },
];
const [BOOSTING] = TYPES as [(typeof TYPES)[0]];
const ENSEMBLE = TYPES.at(-1);

const untilOf = ({ record }: TrainingRun): string | undefined => record.lineage.data.trained_until;
const atHour = (hour: number): string => new Date(FIRST_MS + hour * HOUR_MS).toISOString();

describe("a training that goes on from the version that serves", () => {
  for (const { model_type, mode, parameters } of TYPES)
    it(`takes its inputs and preprocessing as they are: ${model_type}, ${mode}`, async () => {
      const first = await trainOn({ rows: FIRST, spec: { model_type, parameters } });
      const champion = first.result.model;
      const spec = { model_type, parameters, mode };
      const { result, metrics } = await trainOn({ rows: { ...LATER, amountScale: 100 }, spec, champion });
      const [former, made] = [champion, result.model].map(({ manifest }) => parseManifest(manifest));
      assert.ok((former?.preprocessing ?? []).length > 0);
      assert.deepEqual(made?.preprocessing, former?.preprocessing);
      assert.deepEqual(made?.inputs, former?.inputs);
      const again = await trainOn({ rows: LATER, spec, champion });
      const anew = await trainOn({ rows: LATER, spec: { model_type, parameters }, champion });
      const [auc = 0, limit = 0] = [again, anew].map((run) => run.metrics.metrics["roc_auc"]?.value ?? 0);
      assert.ok(auc > limit - 0.02, `AUC ${auc}, trained anew ${limit}`);
      assert.ok(metrics.rows > 0);
    });

  describe("is refused", () => {
    let first: TrainingRun;
    before(async () => {
      first = await trainOn({ rows: FIRST, spec: { ...BOOSTING, mode: "FULL_RETRAIN" } });
    });

    it("with preprocessing of its own", async () => {
      const preprocessing = [{ type: "ordinal_encoder", columns: ["letter"] }];
      await assert.rejects(
        trainOn({ rows: LATER, spec: { ...BOOSTING, preprocessing }, champion: first.result.model }),
        /preprocessing: must be left out: INCREMENTAL goes on from letters@1\.0\.0 .* take FULL_RETRAIN/,
      );
    });

    it("with other inputs, a selection of them, or other classes", async () => {
      const champion = first.result.model;
      const more = [
        { name: "letter", type: "text" },
        { name: "amount", type: "float" },
        { name: "more", type: "float" },
      ] as const;
      await assert.rejects(
        trainOn({ rows: { ...LATER, inputs: more }, spec: BOOSTING, champion }),
        /data\.features: .* it does not have more: exclude them/,
      );
      const data = {
        source: "query",
        sql: "SELECT 1",
        label_column: "label",
        features: { exclude: ["amount"] },
      };
      await assert.rejects(
        trainOn({ rows: LATER, spec: { ...BOOSTING, data }, champion }),
        /data\.features: .* it needs amount: include them/,
      );
      await assert.rejects(
        trainOn({ rows: { ...LATER, classes: ["bad", "good"] }, spec: BOOSTING, champion }),
        /has the labels bad, good, where letters@1\.0\.0 has no, yes/,
      );
    });

    it("when it has learned from all rows that would judge", async () => {
      await assert.rejects(
        trainOn({ rows: { from: 0, count: 2_000 }, spec: BOOSTING, champion: first.result.model }),
        /mode: the version in production has learned from all rows/,
      );
    });
  });

  it("remembers what that version had learned from", async () => {
    const first = await trainOn({ rows: FIRST, spec: { ...BOOSTING, mode: "FULL_RETRAIN" } });
    assert.equal(untilOf(first), atHour(3_199));
    const late = await trainOn({ rows: LATER, spec: BOOSTING, champion: first.result.model });
    assert.equal(untilOf(late), atHour(5_599));
    const mixed = await trainOn({
      rows: { from: 5_000, count: 620 },
      spec: { ...BOOSTING, validation: { method: "out_of_time", test_share: 0.5 } },
      champion: late.result.model,
    });
    assert.equal(untilOf(mixed), atHour(5_599), "of the champion, whose rows are newer");
    assert.equal(mixed.record.lineage.data.parts.test, 20, "those that the champion has not learned from");
  });
});

describe("ENSEMBLE_UPDATE", () => {
  let first: TrainingRun;
  before(async () => {
    first = await trainOn({ rows: FIRST, spec: { ...ENSEMBLE, mode: "FULL_RETRAIN" } });
  });

  it("weighs members by rows only that they have not learned from", async () => {
    const champion = first.result.model;
    const { record } = await trainOn({ rows: { from: 2_000, count: 3_000 }, spec: ENSEMBLE ?? {}, champion });
    assert.equal(record.lineage.data.rows, 1_800, "hours 3,200 to 4,999");
  });

  it("is refused without such rows, or when nothing tells which they are", async () => {
    const champion = first.result.model;
    const update = async (rows: object, files = champion.files) =>
      trainOn({
        rows: { from: 0, count: 2_000, ...rows },
        spec: { ...ENSEMBLE, validation: { method: "holdout" } },
        champion: { ...champion, files },
      });
    await assert.rejects(update({}), /none of the 2000 rows is later than .*; wait for labels, or take FULL/);
    await assert.rejects(update({ hasTimes: false }), /these rows have no times; name data\.time_column/);
    const text = Buffer.from(champion.files.get(TRAINING_FILE) ?? []).toString("utf8");
    const record = JSON.parse(text) as TrainingRecord;
    const { trained_until: _, ...data } = record.lineage.data;
    const forgetful = Buffer.from(JSON.stringify({ ...record, lineage: { ...record.lineage, data } }));
    const files = new Map([...champion.files, [TRAINING_FILE, forgetful]]);
    await assert.rejects(update({}, files), /nothing says when those happened .*; take FULL_RETRAIN/);
  });
});
