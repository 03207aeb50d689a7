/**
 * Steady HTTP load: clients in closed loops, each with one connection, that note every answer.
 *
 * A refused or broken connection and a 503 count as "not answered": the client pauses and goes on. Every other
 * answer than 200 is noted as a surprise, for the test to refuse. Every other request has features looked up.
 */
import { setTimeout as delay } from "node:timers/promises";
import { PAYMENT } from "./card-fraud.ts";
import { HttpConnection, type Outcome } from "./http-client.ts";

const PAUSE_MS = 20;

/** What a payment says of itself; the model's other inputs are looked up. */
const SHORT_PAYMENT = { amount: 42.5, hour: 14, merchant_category: "grocery" } as const;

export interface HttpLoadOptions {
  readonly url: () => string;
  readonly clients: number;
  /** Wait of a client between an answer and its next request, ms: it sets the pace. */
  readonly thinkMs: number;
  /** More than one: batch requests of so many rows. */
  readonly rows?: number;
  /** Asked in turn, in requests of one row; unless given the one that serves. */
  readonly models?: readonly string[];
}

interface Answer {
  readonly prediction_id: string;
}

export class HttpLoad implements AsyncDisposable {
  /** prediction_id of every answer with 200. */
  readonly answered: string[] = [];
  /** Requests without an answer, by reason. */
  readonly unanswered = new Map<string, number>();
  /** Answers that nobody should get. */
  readonly surprises: string[] = [];
  /** Requests that were begun and not answered with 200: another status, a cut answer, a connection lost in use. */
  readonly harmed: string[] = [];
  readonly #options: HttpLoadOptions;
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: HttpLoadOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStopping = false;
    const clients = Array.from({ length: this.#options.clients }, async (_, index) => this.#client(index));
    this.#running = Promise.all(clients);
  }

  /** Lets every client finish its request. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #client(index: number): Promise<void> {
    const connection = new HttpConnection();
    const { url, thinkMs, rows = 1, models = [] } = this.#options;
    const path = rows > 1 ? "/predict/batch" : "/predict";
    for (let count = 0; !this.#isStopping; count++) {
      const entity = `client-${index}`;
      const row = {
        entity_id: entity,
        entities: { card_id: entity, merchant_id: entity },
        features: { ...(count % 2 === 0 ? PAYMENT : SHORT_PAYMENT), amount: count % 1000 },
      };
      const model = models[count % models.length]; // none of none
      const body = JSON.stringify(
        rows > 1 ? { instances: Array.from({ length: rows }, () => row) } : { model, ...row },
      );
      const isAnswered = this.#note(await connection.post(new URL(path, url()), body));
      await delay(isAnswered ? thinkMs : PAUSE_MS);
    }
    connection.close();
  }

  /** True when it was answered with 200. */
  #note(outcome: Outcome): boolean {
    if (outcome.kind === "answered" && outcome.status === 200) {
      const answer = JSON.parse(outcome.body) as Answer | { readonly predictions: readonly Answer[] };
      const predictions = "predictions" in answer ? answer.predictions : [answer];
      for (const { prediction_id } of predictions) this.answered.push(prediction_id);
      return true;
    }
    if (outcome.kind === "answered" && outcome.status !== 503)
      this.surprises.push(`${outcome.status} ${outcome.body.slice(0, 300)}`);
    if (outcome.kind !== "unanswered" || outcome.isReused) this.harmed.push(JSON.stringify(outcome));
    const why = outcome.kind === "answered" ? String(outcome.status) : `${outcome.kind} ${outcome.why}`;
    this.unanswered.set(why, (this.unanswered.get(why) ?? 0) + 1);
    return false;
  }
}
