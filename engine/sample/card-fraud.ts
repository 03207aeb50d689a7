/**
 * Makes card transactions for the sample model: deterministic for a seed, endless, and labelled by a rule that
 * only this file knows.
 *
 * The rule adds up log odds (fraudLogOdds) from what a payment looks like beside its card's habits, and the label is
 * drawn from them, so that no model can be perfect. About 4 % of the transactions are fraud.
 */
import { createRandom, type Random } from "./random.ts";

export const MERCHANT_CATEGORIES = [
  "grocery",
  "restaurant",
  "fuel",
  "clothing",
  "electronics",
  "travel",
  "gambling",
  "gift_cards",
] as const;
export const COUNTRIES = ["US", "GB", "DE", "FR", "NL", "ES", "IT", "BR", "JP", "AU"] as const;
export const CARD_FRAUD_CLASSES = ["legitimate", "fraud"] as const;

export type MerchantCategory = (typeof MERCHANT_CATEGORIES)[number];
export type Country = (typeof COUNTRIES)[number];

/** The model's inputs, by the names of its manifest. */
export interface CardFeatures {
  readonly amount: number;
  readonly hour: number;
  readonly merchant_category: MerchantCategory;
  readonly country: Country;
  readonly card_present: boolean;
  readonly transactions_1h: number;
  readonly amount_avg_30d: number;
  readonly distance_km: number;
}

export interface CardTransaction {
  readonly transaction_id: string;
  /** The entity: which card paid. */
  readonly card_id: string;
  readonly features: CardFeatures;
  readonly label: (typeof CARD_FRAUD_CLASSES)[number];
}

export interface CardFraudGenerator {
  next(): CardTransaction;
}

/** What a card's owner usually does. */
interface Card {
  readonly id: string;
  readonly home: number;
  readonly amountUsual: number;
}

const CARDS = 2000;
const CATEGORY_SHARE = [30, 22, 14, 12, 8, 7, 3, 4];
const COUNTRY_SHARE = [30, 14, 12, 10, 6, 7, 7, 6, 5, 3];
/** Share of a day's payments in each hour, from midnight on. */
const HOUR_SHARE = [2, 1, 1, 1, 1, 1, 2, 4, 6, 6, 6, 7, 9, 8, 7, 6, 6, 8, 9, 9, 7, 5, 4, 3];
const CATEGORY_LOG_ODDS = [-0.6, -0.4, -0.2, 0, 0.9, 0.6, 1.3, 1.6];
const BASE_LOG_ODDS = -5.4;

export function createCardFraudGenerator(seed: number): CardFraudGenerator {
  const random = createRandom(seed);
  const cards = Array.from({ length: CARDS }, (_, index) => createCard(random, index));
  let count = 0;
  return {
    next() {
      const card = cards[random.below(CARDS)] ?? createCard(random, 0);
      const features = createFeatures(random, card);
      const probability = 1 / (1 + Math.exp(-fraudLogOdds(features)));
      count += 1;
      return {
        transaction_id: `tx-${seed}-${count}`,
        card_id: card.id,
        features,
        label: random.uniform() < probability ? "fraud" : "legitimate",
      };
    },
  };
}

function createCard(random: Random, index: number): Card {
  return {
    id: `card-${String(index).padStart(4, "0")}`,
    home: random.weighted(COUNTRY_SHARE),
    amountUsual: Math.exp(3.6 + 0.5 * random.normal()),
  };
}

function createFeatures(random: Random, card: Card): CardFeatures {
  const isAbroad = random.uniform() < 0.06;
  const country = isAbroad ? random.below(COUNTRIES.length) : card.home;
  const distance = isAbroad ? 300 + 9000 * random.uniform() ** 2 : Math.exp(1.6 + 1.2 * random.normal());
  const isBusy = random.uniform() < 0.05;
  return {
    amount: round(Math.max(0.5, card.amountUsual * Math.exp(0.9 * random.normal())), 2),
    hour: random.weighted(HOUR_SHARE),
    merchant_category: MERCHANT_CATEGORIES[random.weighted(CATEGORY_SHARE)] ?? "grocery",
    country: COUNTRIES[country] ?? "US",
    card_present: random.uniform() < (isAbroad ? 0.5 : 0.72),
    transactions_1h: isBusy ? 3 + random.below(6) : random.weighted([70, 22, 8]),
    amount_avg_30d: round(card.amountUsual * Math.exp(0.15 * random.normal()), 2),
    distance_km: round(Math.min(distance, 20_000), 1),
  };
}

/** The hidden rule. */
function fraudLogOdds(features: CardFeatures): number {
  const ratio = features.amount / features.amount_avg_30d;
  const category = CATEGORY_LOG_ODDS[MERCHANT_CATEGORIES.indexOf(features.merchant_category)] ?? 0;
  return (
    BASE_LOG_ODDS +
    category +
    1.3 * Math.max(0, Math.log(ratio)) +
    (features.hour < 5 ? 1.5 : 0) +
    (features.card_present ? 0 : 1) +
    0.7 * Math.max(0, features.transactions_1h - 2) +
    0.35 * Math.log1p(features.distance_km / 20) +
    (features.distance_km > 500 && features.card_present ? 1 : 0)
  );
}

function round(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
