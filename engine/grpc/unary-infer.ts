// hot path
/**
 * ModelInfer: one request, one answer.
 *
 * A call whose caller has gone, or whose deadline has passed, is not answered.
 */
import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { EngineError, toEngineError } from "../core/errors.ts";
import type { InferCall } from "../oip/infer-call.ts";
import type { InferRequest } from "../oip/infer-request.ts";
import type { InferResponse } from "../oip/infer-response.ts";
import { fromInferMessage, toInferMessage } from "./infer-messages.ts";
import type { InferenceServer } from "./inference-server.ts";
import type { InferRequestMessage, InferResponseMessage } from "./messages.ts";
import type { Outcomes } from "./outcomes.ts";

type Call = ServerUnaryCall<InferRequestMessage, InferResponseMessage>;

export interface InferOptions {
  readonly server: Pick<InferenceServer, "infer">;
  readonly outcomes: Outcomes;
  /** Deadline of a request that has none, ms. */
  readonly timeoutMs: number;
}

export function unaryInfer(options: InferOptions): handleUnaryCall<InferRequestMessage, InferResponseMessage> {
  return (call, callback) => {
    const unary = new UnaryInfer(call, callback, options);
    try {
      const request = fromInferMessage(call.request);
      unary.isBinary = request.isBinary;
      options.server.infer(withinDeadline(request, unary.timeoutMs), unary);
    } catch (error) {
      unary.fail(toEngineError(error));
    }
  };
}

/**
 * How long a request may take whose call has this deadline, ms.
 * @throws EngineError DEADLINE_EXCEEDED when it has passed.
 */
export function timeLeft(deadline: Date | number, timeoutMs: number): number {
  const left = Number(deadline) - Date.now();
  if (left <= 0) throw new EngineError("DEADLINE_EXCEEDED", "the deadline has passed");
  return Math.min(left, timeoutMs);
}

class UnaryInfer implements InferCall {
  readonly model: string;
  readonly version: string | undefined;
  readonly source = "grpc";
  readonly arrivedMs = performance.now();
  readonly timeoutMs: number;
  readonly idempotencyKey = "";
  /** Of the answer. */
  isBinary = true;
  readonly #call: Call;
  readonly #callback: sendUnaryData<InferResponseMessage>;
  readonly #outcomes: Outcomes;
}
