// hot path
/** A row of the prediction that one message asked for. */
import type { Batch, Row } from "../batch.ts";
import type { EngineError } from "../core/errors.ts";
import type { Source } from "../core/prediction.ts";
import type { Predictor, RequestHead } from "../predict.ts";
import { toPredictionJson } from "../prediction-json.ts";

/** Of each row exactly one is called, once. */
export interface PredictReply {
  answered(id: string, json: string): void;
  failed(id: string, error: EngineError): void;
}

export class PredictRow implements Row {
  readonly source: Source = "ws";
  readonly idempotencyKey = "";
  readonly requestId: string;
  readonly entityId: string;
  readonly entities: RequestHead["entities"];
  readonly arrivedMs = performance.now();
  readonly deadlineMs: number;
  /** Of the message. */
  readonly #id: string;
  readonly #explain: number;
  readonly #predictor: Predictor;
  readonly #reply: PredictReply;

  constructor(id: string, head: RequestHead, predictor: Predictor, reply: PredictReply) {
    this.#id = id;
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
    if (this.#explain === 0) this.#reply.answered(this.#id, json);
    else
      this.#predictor.explainer.answer(batch, index, { row: this, top: this.#explain, json }, (explained) =>
        this.#reply.answered(this.#id, explained),
      );
  }

  fail(error: EngineError): void {
    this.#reply.failed(this.#id, error);
  }
}
