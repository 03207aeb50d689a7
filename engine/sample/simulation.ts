/**
 * Payments as they come in, for `millrace simulate`: the generator's transactions with times, and for each a feature event
 * of its card and one of its merchant, and the request that asks whether it is fraud.
 *
 * One card is watched: it pays about twice a second, so that a person sees its features change, while the other cards
 * stay as quiet as in training. Pure: times and ids are passed in.
 */
import { type CardTransaction, createCardFraudGenerator } from "./card-fraud.ts";

export const SAMPLE_MODEL = "card-fraud";
/** The card that is watched unless another is named. */
export const WATCHED_CARD = "card-0001";
/** Always the same cards, so that one has its home where it had it in the last run. */
const SEED = 1;
const WATCHED_PER_SECOND = 2;

export interface SimulatedPayment {
  readonly transaction: CardTransaction;
  readonly isWatched: boolean;
}

export interface SimulationOptions {
  /** Payments per second, of all cards together. */
  readonly rate: number;
  /** Any id: one that the generator does not know gets the habits of its first card. */
  readonly watchedCard: string;
}

export interface Simulation {
  next(): SimulatedPayment;
}

/** An event as it is published to the features of an entity type. */
export interface SimulatedEvent {
  readonly entityType: string;
  readonly body: {
    readonly event_id: string;
    readonly entity_id: string;
    readonly event_time: string;
    readonly event: Readonly<Record<string, string | number | boolean>>;
  };
}

/** The first payment is the watched card's, and then each that is due to be. */
export function createSimulation({ rate, watchedCard }: SimulationOptions): Simulation {
  const generator = createCardFraudGenerator(SEED);
  const every = Math.max(1, Math.round(rate / WATCHED_PER_SECOND));
  const habits = Number(/^card-(\d{4})$/.exec(watchedCard)?.[1] ?? 0);
  let count = 0;
  return {
    next() {
      const isDue = count++ % every === 0;
      const transaction = generator.next(isDue ? habits : undefined);
      const own = isDue ? { ...transaction, card_id: watchedCard } : transaction;
      return { transaction: own, isWatched: own.card_id === watchedCard };
    },
  };
}

/** The events of a payment at `atMs`. Ids of the same `run` are unique; a run that is repeated counts once. */
export function eventsOf(transaction: CardTransaction, run: string, atMs: number): readonly SimulatedEvent[] {
  const { transaction_id, card_id, merchant_id, place, features } = transaction;
  const { amount, country, card_present } = features;
  const at = { event_id: `${run}-${transaction_id}`, event_time: new Date(atMs).toISOString() };
  return [
    {
      entityType: "card",
      body: { ...at, entity_id: card_id, event: { amount, country, card_present, merchant_id, ...place } },
    },
    {
      entityType: "merchant",
      body: { ...at, entity_id: merchant_id, event: { amount, card_present } },
    },
  ];
}

/** The body of POST /predict: what the payment says of itself; the rest is looked up. */
export function requestOf({ transaction_id, card_id, merchant_id, place, features }: CardTransaction): {
  readonly [field: string]: unknown;
} {
  const { amount, hour, merchant_category, country, card_present } = features;
  return {
    model: SAMPLE_MODEL,
    request_id: transaction_id,
    entities: { card_id, merchant_id },
    features: { amount, hour, merchant_category, country, card_present, ...place },
  };
}
