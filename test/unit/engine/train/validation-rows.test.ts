/** Validation rows are kept from training where they stop or choose something, and nowhere else. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { trainOn } from "../../../support/continued-training.ts";

const ROWS = { from: 0, count: 1_000 };
const NETWORK = { epochs: 2, hidden_units: [4] };
const MEMBER = { model_type: "GRADIENT_BOOSTING" };
const search = { method: "random", trials_max: 1, timeout: "5m" };

const CASES = [
  { name: "boosting, which they stop", spec: { model_type: "GRADIENT_BOOSTING" }, rows: 80 },
  {
    name: "boosting that is never stopped",
    spec: { parameters: { early_stopping_rounds: 0, n_estimators: 5 } },
    rows: 0,
  },
  { name: "forests", spec: { model_type: "RANDOM_FOREST", parameters: { n_estimators: 5 } }, rows: 0 },
  { name: "linear models", spec: { model_type: "LINEAR" }, rows: 0 },
  { name: "linear models that are chosen by a search", spec: { model_type: "LINEAR", search }, rows: 80 },
  { name: "networks of all epochs", spec: { model_type: "NEURAL_NETWORK", parameters: NETWORK }, rows: 0 },
  {
    name: "networks with patience",
    spec: { model_type: "NEURAL_NETWORK", parameters: { ...NETWORK, patience: 1 } },
    rows: 80,
  },
  {
    name: "ensembles with a member that they stop",
    spec: { model_type: "ENSEMBLE", parameters: { members: [MEMBER], folds: 2 } },
    rows: 80,
  },
] as const;

describe("validation rows", () => {
  for (const { name, spec, rows } of CASES)
    it(`are ${rows === 0 ? "learned from" : "kept"} by ${name}`, async () => {
      const { record } = await trainOn({ rows: ROWS, spec });
      const { parts } = record.lineage.data;
      assert.deepEqual(parts, { training: 800 - rows, validation: rows, test: 200 });
    });

  it("stop boosting unless it is told otherwise", async () => {
    const parameters = { n_estimators: 2_000, learning_rate: 0.3 };
    const { record } = await trainOn({ rows: ROWS, spec: { parameters } });
    assert.ok(record.iterations < 200, `${record.iterations} trees`);
  });
});

describe("a model type without parameters", () => {
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
