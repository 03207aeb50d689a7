/** What model types do that are given no parameters. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { trainOn } from "../../../support/continued-training.ts";

const ROWS = { from: 0, count: 1_000 };

describe("a model type without parameters", () => {
  it("is stopped by its validation rows, if it is boosting", async () => {
    const parameters = { n_estimators: 2_000, learning_rate: 0.3 };
    const { record } = await trainOn({ rows: ROWS, spec: { parameters } });
    assert.ok(record.iterations < 200, `${record.iterations} trees`);
  });

  it("has members, if it is an ensemble", async () => {
    const { record } = await trainOn({ rows: { ...ROWS, count: 400 }, spec: { model_type: "ENSEMBLE" } });
    const members = record.parameters["members"] as { model_type: string }[];
    assert.deepEqual(
      members.map(({ model_type }) => model_type),
      ["GRADIENT_BOOSTING", "RANDOM_FOREST", "LINEAR"],
    );
  });

  it("is refused with what to give, if it is an LSTM", async () => {
    await assert.rejects(
      trainOn({ rows: ROWS, spec: { model_type: "LSTM" } }),
      /steps: must be given: of how many steps a row is.*oldest first/,
    );
  });
});
