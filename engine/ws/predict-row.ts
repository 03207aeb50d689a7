// hot path
/** A row of the prediction that one message asked for. */
import type { Batch, Row } from "../batch.ts";
import type { EngineError } from "../core/errors.ts";
import type { Source } from "../core/prediction.ts";
import type { Predictor, RequestHead } from "../predict.ts";
import { toPredictionJson } from "../prediction-json.ts";

/** Exactly one of them is called, once. */
export interface PredictReply {
  answer(json: string): void;
  fail(error: EngineError): void;
}

export class PredictRow implements Row {
  readonly source: Source = "ws";
  readonly idempotencyKey = "";
  readonly requestId: string;
  readonly entityId: string;
  readonly entities: RequestHead["entities"];
  readonly arrivedMs = performance.now();
  readonly deadlineMs: number;
  readonly #explain: number;
  readonly #predictor: Predictor;
  readonly #reply: PredictReply;

  constructor(head: RequestHead, predictor: Predictor, reply: PredictReply) {
    this.#explain = head.explain;
    this.#predictor = predictor;
    this.#reply = reply;
    this.requestId = head.requestId;
    this.entityId = head.entityId;
    this.entities = head.entities;
    this.deadlineMs = this.arrivedMs + head.timeoutMs;
  }

  answer(batch: Batch, index: number): void {
    const json = toPredictionJson(batch, index, this.requestId, this.entityId, this.arrivedMs);
    if (this.#explain === 0) this.#reply.answer(json);
    else
      this.#predictor.explainer.answer(batch, index, { row: this, top: this.#explain, json }, (explained) =>
        this.#reply.answer(explained),
      );
  }

  fail(error: EngineError): void {
    this.#reply.fail(error);
  }
}
