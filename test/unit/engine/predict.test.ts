import assert from "node:assert/strict";
import { it } from "node:test";
import { Batcher } from "../../../engine/batcher.ts";
import { EngineError, type ErrorCode } from "../../../engine/core/errors.ts";
import { Metrics } from "../../../engine/core/metrics.ts";
import { Predictor, type PredictorOptions } from "../../../engine/predict.ts";
import { ServedModel } from "../../../engine/served-model.ts";
import { FEATURES, testRow } from "../../support/log-blocks.ts";
import { mixedManifest } from "../../support/manifests.ts";

/** A predictor of one model, `mixed`, with room for ten rows; what its parts throw is the test's choice. */
function createPredictor(fault: { route?: ErrorCode; accept?: ErrorCode } = {}) {
  const counted: (string | number)[][] = [];
  const batcher = new Batcher(new ServedModel(mixedManifest(), new Metrics()), 4);
  const raise = (code: ErrorCode | undefined): void => {
    if (code !== undefined) throw new EngineError(code, "a fault");
  };
  const parts = {
    models: {
      route: () => {
        raise(fault.route);
        return batcher;
      },
    },
    dispatcher: { room: 10, accept: () => raise(fault.accept) },
    stage: { waiting: 0 },
    errors: {
      count: (model: { name: string; version: string } | undefined, source: string, code: string, rows = 1) =>
        counted.push([model?.name ?? "", model?.version ?? "", source, code, rows]),
    },
  };
  return { predictor: new Predictor(parts as unknown as PredictorOptions), counted };
}

it("a row that is accepted counts as no error", () => {
  const { predictor, counted } = createPredictor();
  predictor.submit("mixed", undefined, FEATURES, testRow());
  predictor.checkRoom("mixed", undefined, 10);
  assert.deepEqual(counted, []);
});

it("a row that is refused counts under its model, if that is known", () => {
  const { name, version } = mixedManifest();
  for (const [fault, expected] of [
    [{ accept: "QUEUE_FULL" }, [name, version, "http", "QUEUE_FULL", 1]],
    [{ route: "NOT_READY" }, ["asked", "", "http", "NOT_READY", 1]],
    [{ route: "MODEL_NOT_FOUND" }, ["", "", "http", "MODEL_NOT_FOUND", 1]],
  ] as const) {
    const { predictor, counted } = createPredictor(fault);
    assert.throws(() => predictor.submit("asked", undefined, FEATURES, testRow()), EngineError);
    assert.deepEqual(counted, [expected]);
  }
});

it("a batch request without room counts each of its rows", () => {
  const { name, version } = mixedManifest();
  const { predictor, counted } = createPredictor();
  assert.throws(() => predictor.checkRoom("mixed", undefined, 11), { code: "QUEUE_FULL" });
  assert.deepEqual(counted, [[name, version, "batch", "QUEUE_FULL", 11]]);
});
