/** How durable requests are settled by their errors: for good, later, or later until they have come often enough. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError, type ErrorCode } from "../../../engine/core/errors.ts";
import { handleStreamRequest } from "../../../engine/nats-predict.ts";
import type { Inference } from "../../../engine/oip/inference.ts";
import type { Predictor } from "../../../engine/predict.ts";
import type { StreamRequest } from "../../../streams/stream-request.ts";

const DELIVERIES_MAX = 5;

/** What becomes of a request that always fails with `code`: the delays, ms, and "dead" at its end. */
function fateOf(code: ErrorCode, deliveries: number): (number | string)[] {
  const fate: (number | string)[] = [];
  for (let delivery = 1; delivery <= deliveries && fate.at(-1) !== "dead"; delivery++) {
    const request: StreamRequest = {
      model: "m",
      data: Buffer.from('{"features": {}}'),
      messageId: "",
      replyTo: "",
      position: "1:1",
      delivery,
      header: () => "",
      done: () => assert.fail("it did not succeed"),
      later: (delayMs) => fate.push(delayMs),
      dead: (reason) => {
        assert.match(reason, new RegExp(`^${code}: `));
        fate.push("dead");
      },
    };
    const submit = (): void => {
      throw new EngineError(code, "as the test wants it");
    };
    handleStreamRequest(request, {
      predictor: { submit } as unknown as Predictor,
      inference: {} as Inference,
      prefix: "test",
      deliveriesMax: DELIVERIES_MAX,
      publishResult: () => assert.fail("there is no result"),
    });
  }
  return fate;
}

describe("a durable request that fails", () => {
  it("is dead at once when it can never succeed", () => {
    for (const code of ["INVALID_FEATURES", "INVALID_REQUEST", "DEADLINE_EXCEEDED"] as const)
      assert.deepEqual(fateOf(code, 2), ["dead"]);
  });

  it("comes again for a while when its model is not known, since it may have been promoted a moment ago", () => {
    assert.deepEqual(fateOf("MODEL_NOT_FOUND", 9), [1_000, 2_000, 4_000, 8_000, "dead"]);
  });

  it("comes again for a minute while its model is not loaded", () => {
    assert.deepEqual(fateOf("NOT_READY", 9), [1_000, 4_000, 16_000, 30_000, "dead"]);
  });

  it("comes again for a while when it fails its worker", () => {
    assert.deepEqual(fateOf("WORKER_FAILED", 9), [1_000, 2_000, 4_000, 8_000, "dead"]);
  });

  it("comes again for ever when the engine alone is to blame", () => {
    const fate = fateOf("LOG_UNAVAILABLE", 9);
    assert.deepEqual(fate, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
  });
});
