/**
 * `millrace simulate`: card payments for the sample model. Each is published as feature events; for those of one card the
 * engine is asked first what it knows and predicts, so that one sees the features change as events arrive.
 *
 *     due payments → watched: look up and predict, show → publish, wait for the acknowledgements → next tick
 *
 * Bounds: what a tick publishes (PER_TICK_MAX); what cannot be published in time is left out, not caught up. Ctrl-C ends the
 * run after the tick; a second one at once.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { Command, InvalidArgumentError } from "commander";
import { openStreams } from "../streams/connection.ts";
import { createTopology, type Topology } from "../streams/topology.ts";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { withNats, withPrefix } from "./cli-publish.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import { createLogger } from "./core/log.ts";
import type { Prediction } from "./core/prediction.ts";
import type { CardTransaction } from "./sample/card-fraud.ts";
import { createSimulation, eventsOf, requestOf, type Simulation, WATCHED_CARD } from "./sample/simulation.ts";
import { type Sight, toLine, toScreen, type Vector } from "./sample/simulation-view.ts";

const TICK_MS = 50;
const RATE_MAX = 2_000;
const SECONDS_MAX = 86_400;
const PER_TICK_MAX = 200;
const CLEAR_SCREEN = "\x1b[H\x1b[J";

interface Options {
  readonly url: string;
  readonly nats: string;
  readonly prefix: string;
  readonly rate: number;
  readonly seconds: number;
  readonly card: string;
}

export function simulateCommand(): Command {
  return withPrefix(withNats(withUrlOption(new Command("simulate"))))
    .option("--rate <payments>", "payments per second", numberUpTo(RATE_MAX), 20)
    .option("--seconds <seconds>", "how long", numberUpTo(SECONDS_MAX), 30)
    .option("--card <id>", "the card to watch", WATCHED_CARD)
    .action(simulate);
}

function numberUpTo(max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (number > 0 && number <= max) return number;
    throw new InvalidArgumentError(`it must be above 0, at most ${max}`);
  };
}

async function simulate(options: Options): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  await askedOf(options.card, async () => readVector(options, undefined));
  const connection = await openStreams(options.nats, "millrace simulate", createLogger("silent"));
  try {
    const producer = new Producer(options, jetstream(connection.nats));
    await producer.run(stopping.signal);
    console.log(`published ${producer.payments} payments; see ${options.url}/features/card/${options.card}`);
  } finally {
    await connection.close();
  }
}

class Producer {
  readonly #options: Options;
  readonly #client: JetStreamClient;
  readonly #topology: Topology;
  readonly #simulation: Simulation;
  readonly #run = randomUUID().slice(0, 8);
  #previous: Vector | undefined;
  payments = 0;

  constructor(options: Options, client: JetStreamClient) {
    this.#options = options;
    this.#client = client;
    this.#topology = createTopology(options.prefix);
    this.#simulation = createSimulation({ rate: options.rate, watchedCard: options.card });
  }

  /** Until the time is over or `signal` aborts. @throws EngineError when engine or NATS do not answer. */
  async run(signal: AbortSignal): Promise<void> {
    const { rate, seconds } = this.#options;
    const startMs = performance.now();
    let due = 0;
    for (let elapsedMs = 0; elapsedMs < seconds * 1000 && !signal.aborted; ) {
      const before = due;
      due = Math.floor((elapsedMs / 1000) * rate) + 1;
      await this.#pay(Math.min(due - before, PER_TICK_MAX), signal);
      await delay(TICK_MS, undefined, { signal }).catch(() => undefined);
      elapsedMs = performance.now() - startMs;
    }
  }

  async #pay(count: number, signal: AbortSignal): Promise<void> {
    let published: Promise<void>[] = [];
    for (let index = 0; index < count && !signal.aborted; index++) {
      const { transaction, isWatched } = this.#simulation.next();
      if (isWatched) {
        await Promise.all(published);
        published = [];
        await this.#look(transaction);
      }
      published.push(this.#publish(transaction));
      this.payments++;
    }
    await Promise.all(published);
  }

  async #publish(transaction: CardTransaction): Promise<void> {
    const events = eventsOf(transaction, this.#run, Date.now());
    try {
      await Promise.all(
        events.map(async ({ entityType, body }) =>
          this.#client.publish(this.#topology.featuresSubject(entityType), JSON.stringify(body), {
            msgID: `${entityType}:${body.event_id}`,
          }),
        ),
      );
    } catch (error) {
      throw new EngineError(
        "SERVICE_UNAVAILABLE",
        `feature events cannot be published (${messageOf(error)}): check that the engine runs, that --nats is its NATS and --prefix its MILLRACE_PREFIX`,
        { cause: error },
      );
    }
  }

  async #look(transaction: CardTransaction): Promise<void> {
    const { url, card } = this.#options;
    const [{ asOf, vector }, prediction] = await askedOf(card, async () =>
      Promise.all([
        readVector(this.#options, transaction),
        callEngine(url, "POST", "/predict", requestOf(transaction)) as Promise<Prediction>,
      ]),
    );
    const sight: Sight = {
      asOf,
      payments: this.payments,
      transaction,
      fraud: prediction.predicted_value,
      predictedClass: prediction.predicted_class ?? "",
      vector,
    };
    if (process.stdout.isTTY) process.stdout.write(`${CLEAR_SCREEN}${toScreen(sight, this.#previous)}`);
    else console.log(toLine(sight));
    this.#previous = vector;
  }
}

/** The card's features, with those derived from a payment. */
async function readVector(
  { url, card }: Options,
  transaction: CardTransaction | undefined,
): Promise<{ readonly asOf: string; readonly vector: Vector }> {
  const request =
    transaction === undefined ? {} : { amount: transaction.features.amount, ...transaction.place };
  const answer = (await callEngine(url, "POST", "/features/online", {
    feature_set: "card",
    entities: [card],
    request,
  })) as OnlineAnswer;
  const values = answer.results[0]?.values ?? [];
  return {
    asOf: answer.as_of,
    vector: new Map(answer.features.map((name, index) => [name, values[index] ?? null])),
  };
}

interface OnlineAnswer {
  readonly as_of: string;
  readonly features: readonly string[];
  readonly results: readonly { readonly values: readonly (number | string | boolean | null)[] }[];
}

/** What is missing in an engine without the sample is told with how to get it. */
async function askedOf<T>(card: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof EngineError) || !NO_SAMPLE.has(error.code)) throw error;
    throw new EngineError(
      error.code,
      `${error.message}. ${card} is simulated for the sample: "npm start" in a new MILLRACE_DATA_DIR has it, or add it with millrace features apply and millrace models push --promote, both of engine/sample/card-fraud`,
      { cause: error, details: error.details },
    );
  }
}

const NO_SAMPLE: ReadonlySet<string> = new Set([
  "FEATURE_SET_NOT_FOUND",
  "MODEL_NOT_FOUND",
  "INVALID_FEATURES",
]);
