/**
 * Makes card transactions for the sample model: deterministic for a seed, endless, and labelled by a rule that
 * only this file knows.
 *
 * The rule adds up log odds (fraudLogOdds) from what a payment looks like beside the habits of its card and merchant, and
 * the label is drawn from them, so that no model can be perfect. About 4 % of the transactions are fraud. Counts and means
 * of windows are drawn, not counted: transactions have no times. Places are real, each card's payments one behind another.
 */
import { SeededRandom } from "../core/seeded-random.ts";
import { CITIES, distanceKm, type Place, placeNear } from "./places.ts";
import { featuresIn, logOddsIn, type Season } from "./season.ts";

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
  readonly amount_ratio: number;
  readonly distance_km: number;
  readonly merchant_transactions_10m: number;
  readonly merchant_amount_avg_24h: number;
}

export interface CardTransaction {
  readonly transaction_id: string;
  /** The entities: which card paid, and whom. */
  readonly card_id: string;
  readonly merchant_id: string;
  readonly place: Place;
  readonly features: CardFeatures;
  readonly label: (typeof CARD_FRAUD_CLASSES)[number];
}

export interface CardFraudGenerator {
  /** The next payment: of any card, or of card number `card`. */
  next(card?: number): CardTransaction;
  /** Begins a season with the next payment; the first one is the usual. */
  begin(season: Season): void;
}

/** What a card's owner usually does. */
interface Card {
  readonly id: string;
  readonly country: number;
  readonly home: Place;
  readonly amountUsual: number;
  /** Where it was used last. */
  place: Place;
}

interface Merchant {
  readonly id: string;
  readonly category: number;
  readonly amountUsual: number;
  /** Payments in ten minutes. */
  readonly paymentsUsual: number;
}

const CARDS = 2000;
const MERCHANTS = 500;
const CATEGORY_SHARE = [30, 22, 14, 12, 8, 7, 3, 4];
const COUNTRY_SHARE = [30, 14, 12, 10, 6, 7, 7, 6, 5, 3];
/** Share of a day's payments in each hour, from midnight on. */
const HOUR_SHARE = [2, 1, 1, 1, 1, 1, 2, 4, 6, 6, 6, 7, 9, 8, 7, 6, 6, 8, 9, 9, 7, 5, 4, 3];
const CATEGORY_LOG_ODDS = [-0.6, -0.4, -0.2, 0, 0.9, 0.6, 1.3, 1.6];
const BASE_LOG_ODDS = -6;

export function createCardFraudGenerator(seed: number): CardFraudGenerator {
  const random = new SeededRandom(seed);
  const cards = Array.from({ length: CARDS }, (_, index) => createCard(random, index));
  const merchants = Array.from({ length: MERCHANTS }, (_, index) => createMerchant(random, index));
  let count = 0;
  let season: Season = "usual";
  return {
    begin(next) {
      season = next;
    },
    next(number = random.below(CARDS)) {
      const card = cards[number % CARDS] as Card;
      const merchant = merchants[random.below(MERCHANTS)] as Merchant;
      const features = featuresIn(season, random, createFeatures(random, card, merchant));
      const probability = 1 / (1 + Math.exp(-logOddsIn(season, features, fraudLogOdds)));
      count += 1;
      return {
        transaction_id: `tx-${seed}-${count}`,
        card_id: card.id,
        merchant_id: merchant.id,
        place: card.place,
        features,
        label: random.uniform() < probability ? "fraud" : "legitimate",
      };
    },
  };
}

function createCard(random: SeededRandom, index: number): Card {
  const country = random.weighted(COUNTRY_SHARE);
  const home = placeNear(random, CITIES[country] as Place, 200 * random.uniform());
  return {
    id: `card-${String(index).padStart(4, "0")}`,
    country,
    home,
    amountUsual: Math.exp(3.6 + 0.5 * random.normal()),
    place: home,
  };
}

function createMerchant(random: SeededRandom, index: number): Merchant {
  return {
    id: `merchant-${String(index).padStart(3, "0")}`,
    category: random.weighted(CATEGORY_SHARE),
    amountUsual: Math.exp(3.8 + 0.4 * random.normal()),
    paymentsUsual: 1 + random.below(10),
  };
}

/** Moves the card to where it pays. */
function createFeatures(random: SeededRandom, card: Card, merchant: Merchant): CardFeatures {
  const isAbroad = random.uniform() < 0.06;
  const country = isAbroad ? random.below(COUNTRIES.length) : card.country;
  const last = card.place;
  card.place = isAbroad
    ? placeNear(random, CITIES[country] as Place, 300 * random.uniform())
    : placeNear(random, card.home, Math.min(200, Math.exp(1.3 + 1.2 * random.normal())));
  const isBusy = random.uniform() < 0.05;
  const isRush = random.uniform() < 0.04;
  const amount = round(Math.max(0.5, card.amountUsual * Math.exp(0.9 * random.normal())), 2);
  const usual = round(card.amountUsual * Math.exp(0.15 * random.normal()), 2);
  return {
    amount,
    hour: random.weighted(HOUR_SHARE),
    merchant_category: MERCHANT_CATEGORIES[merchant.category] ?? "grocery",
    country: COUNTRIES[country] ?? "US",
    card_present: random.uniform() < (isAbroad ? 0.5 : 0.72),
    transactions_1h: isBusy ? 3 + random.below(6) : random.weighted([70, 22, 8]),
    amount_avg_30d: usual,
    amount_ratio: amount / usual,
    distance_km: round(distanceKm(last, card.place), 1),
    merchant_transactions_10m:
      Math.round(merchant.paymentsUsual * Math.exp(0.4 * random.normal())) +
      (isRush ? 20 + random.below(60) : 0),
    merchant_amount_avg_24h: round(merchant.amountUsual * Math.exp(0.1 * random.normal()), 2),
  };
}

/** The hidden rule. */
function fraudLogOdds(features: CardFeatures): number {
  const category = CATEGORY_LOG_ODDS[MERCHANT_CATEGORIES.indexOf(features.merchant_category)] ?? 0;
  return (
    BASE_LOG_ODDS +
    category +
    1.3 * Math.max(0, Math.log(features.amount_ratio)) +
    0.4 * Math.max(0, Math.log(features.amount / features.merchant_amount_avg_24h)) +
    (features.hour < 5 ? 1.5 : 0) +
    (features.card_present ? 0 : 1) +
    0.7 * Math.max(0, features.transactions_1h - 2) +
    1.1 * Math.max(0, Math.log((1 + features.merchant_transactions_10m) / 15)) +
    0.35 * Math.log1p(features.distance_km / 20) +
    (features.distance_km > 500 && features.card_present ? 1 : 0)
  );
}

function round(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
