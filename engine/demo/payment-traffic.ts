/**
 * The demo's payments: each one request over HTTP, at a steady rate, and its label some seconds after its answer.
 *
 *     due → POST /predict → answered ─ LABEL_DELAY_MS ─▶ POST /labels → onLabelled
 *
 * A prediction that is answered with an error, or not at all, is counted as failed and not tried again; labels are, with the next ones.
 * Bound: IN_FLIGHT_MAX requests at once; what cannot be sent in time is left out, not caught up, and counted.
 */
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../core/errors.ts";
import type { CardFraudGenerator, CardTransaction } from "../sample/card-fraud.ts";
import type { LabelledPrediction } from "./rolling-quality.ts";

/** Payments come one by one, as people pay: not in bursts that would share a batch. */
const TICK_MS = 5;
const IN_FLIGHT_MAX = 256;
const LABEL_DELAY_MS = 2_000;
const LABELS_EVERY_MS = 500;

/** A request to the engine: the JSON of its answer. @throws EngineError for any other answer than a good one. */
export type CallEngine = (method: string, path: string, body?: unknown) => Promise<unknown>;

export interface PaymentTrafficOptions {
  readonly model: string;
  /** Payments per second. */
  readonly rate: number;
  readonly generator: Pick<CardFraudGenerator, "next">;
  readonly call: CallEngine;
  readonly onLabelled: (prediction: LabelledPrediction) => void;
}

interface Answered extends LabelledPrediction {
  readonly requestId: string;
  readonly label: string;
  readonly answeredMs: number;
}

export class PaymentTraffic {
  readonly #options: PaymentTrafficOptions;
  readonly #inFlight = new Set<Promise<void>>();
  #unlabelled: Answered[] = [];
  #failures = new Map<string, number>();
  answered = 0;
  /** Payments that were due while IN_FLIGHT_MAX others waited. */
  leftOut = 0;

  constructor(options: PaymentTrafficOptions) {
    this.#options = options;
  }

  /** Predictions that failed, by message. */
  get failures(): ReadonlyMap<string, number> {
    return this.#failures;
  }

  get failed(): number {
    let sum = 0;
    for (const count of this.#failures.values()) sum += count;
    return sum;
  }

  /** Until `signal` aborts; then waits for the answers under way. */
  async run(signal: AbortSignal): Promise<void> {
    const startMs = performance.now();
    let sent = 0;
    let labelsDueMs = startMs;
    while (!signal.aborted) {
      const nowMs = performance.now();
      const due = Math.floor(((nowMs - startMs) / 1000) * this.#options.rate) + 1;
      for (; sent < due; sent++) {
        if (this.#inFlight.size < IN_FLIGHT_MAX) this.#start(this.#pay(this.#options.generator.next()));
        else this.leftOut++;
      }
      if (nowMs >= labelsDueMs) {
        this.#start(this.#label(nowMs - LABEL_DELAY_MS));
        labelsDueMs = nowMs + LABELS_EVERY_MS;
      }
      await delay(TICK_MS, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(this.#inFlight);
  }

  /** Errors are counted, so the promise never rejects. */
  #start(work: Promise<void>): void {
    const watched = work
      .catch((error: unknown) => {
        const message = messageOf(error);
        this.#failures.set(message, (this.#failures.get(message) ?? 0) + 1);
      })
      .finally(() => this.#inFlight.delete(watched));
    this.#inFlight.add(watched);
  }

  async #pay({ transaction_id, card_id, features, label }: CardTransaction): Promise<void> {
    const { model, call } = this.#options;
    const answer = (await call("POST", "/predict", {
      model,
      request_id: transaction_id,
      entity_id: card_id,
      features,
    })) as { readonly model_version: string; readonly predicted_value: number };
    this.answered++;
    this.#unlabelled.push({
      requestId: transaction_id,
      version: answer.model_version,
      score: answer.predicted_value,
      label,
      isFraud: label === "fraud",
      answeredMs: performance.now(),
    });
  }

  async #label(answeredUntilMs: number): Promise<void> {
    const { model, call, onLabelled } = this.#options;
    const known = this.#unlabelled.filter(({ answeredMs }) => answeredMs <= answeredUntilMs);
    if (known.length === 0) return;
    this.#unlabelled = this.#unlabelled.filter(({ answeredMs }) => answeredMs > answeredUntilMs);
    const labels = known.map(({ requestId, label }) => ({ request_id: requestId, label }));
    try {
      await call("POST", "/labels", { model_name: model, labels });
    } catch {
      this.#unlabelled.unshift(...known);
      return;
    }
    for (const prediction of known) onLabelled(prediction);
  }
}
