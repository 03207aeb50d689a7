/**
 * What changes in the sample's world when a season begins: how people pay, and what is fraud.
 *
 *     usual          what the sample's model was trained on
 *     card_testing   people spend more, which is no longer suspicious; and stolen card numbers, copied onto blank cards, are tried
 *                    out with a few euros at pumps, where the old rule sees nothing
 *
 * Pure but for the random numbers that it draws, and it draws none in the usual season: its payments stay what they were.
 */
import type { SeededRandom } from "../core/seeded-random.ts";

export type Season = "usual" | "card_testing";

/** Of a payment, what seasons look at. */
export interface Purchase {
  readonly amount: number;
  readonly amount_avg_30d: number;
  readonly amount_ratio: number;
  readonly merchant_category: string;
  readonly card_present: boolean;
}

/** Share of all payments that try out a card. */
const TEST_SHARE = 0.12;
const TEST_AMOUNT_MIN = 1;
const TEST_AMOUNT_MAX = 5;
/** Times as much as usual, on average, is spent. */
const SPENDING = 2;
/** Log odds of fraud of a small payment at a pump with a card: 95 %. */
const TEST_LOG_ODDS = 3;

/** The payment as it is in the season. */
export function featuresIn<P extends Purchase>(season: Season, random: SeededRandom, features: P): P {
  if (season === "usual") return features;
  if (random.uniform() >= TEST_SHARE) return withAmount(features, features.amount * SPENDING);
  const amount = TEST_AMOUNT_MIN + (TEST_AMOUNT_MAX - TEST_AMOUNT_MIN) * random.uniform();
  return { ...withAmount(features, amount), merchant_category: "fuel" as const, card_present: true };
}

/** Log odds of fraud in the season, of those that `usual` gives in the usual one. */
export function logOddsIn<P extends Purchase>(
  season: Season,
  features: P,
  usual: (features: P) => number,
): number {
  if (season === "usual") return usual(features);
  const { merchant_category, card_present, amount } = features;
  if (merchant_category === "fuel" && card_present && amount <= TEST_AMOUNT_MAX) return TEST_LOG_ODDS;
  return usual(withAmount(features, amount / SPENDING));
}

function withAmount<P extends Purchase>(features: P, amount: number): P {
  const rounded = Math.round(amount * 100) / 100;
  return { ...features, amount: rounded, amount_ratio: rounded / features.amount_avg_30d };
}
