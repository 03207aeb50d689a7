/** One inference request on its way, as its entrance sees it. Implemented by every entrance: HTTP, gRPC, NATS. */
import type { EngineError } from "../core/errors.ts";
import type { Source } from "../core/prediction.ts";
import type { InferResponse } from "./infer-response.ts";

export interface InferCall {
  readonly model: string;
  /** A version or an alias; undefined: production. */
  readonly version: string | undefined;
  readonly source: Source;
  /** performance.now() at arrival. */
  readonly arrivedMs: number;
  /** Used when the request has no `timeout`. */
  readonly timeoutMs: number;
  /** What the prediction ids follow from, for sources that may deliver a request twice; else "". */
  readonly idempotencyKey: string;
  /** Exactly one of the two is called, once, later than `infer` returns; unless `infer` throws. */
  answer(response: InferResponse): void;
  fail(error: EngineError): void;
}
