/**
 * What `millrace simulate` shows: a payment of the watched card, its probability of fraud, and the card's features as they
 * were at that moment. As a screen that is drawn anew, or as a line for each payment.
 */
import type { CardTransaction } from "./card-fraud.ts";

export type Vector = ReadonlyMap<string, number | string | boolean | null>;

export interface Sight {
  /** ISO 8601. */
  readonly asOf: string;
  /** Payments published so far, of all cards. */
  readonly payments: number;
  readonly transaction: CardTransaction;
  readonly fraud: number;
  readonly predictedClass: string;
  /** The card's features, with those that are derived from the payment. */
  readonly vector: Vector;
}

const BAR_WIDTH = 40;

/** A screen of lines; features that differ from those in `previous` are marked. */
export function toScreen(sight: Sight, previous: Vector | undefined): string {
  const { asOf, payments, transaction, fraud, predictedClass, vector } = sight;
  const { card_id, merchant_id, features } = transaction;
  const width = Math.max(0, ...[...vector.keys()].map((name) => name.length));
  const rows = [...vector].map(([name, value]) => {
    const isNew = previous !== undefined && previous.get(name) !== value;
    return `  ${name.padEnd(width)}  ${shown(value).padStart(12)}${isNew ? "  *" : ""}`;
  });
  const { amount, merchant_category, country } = features;
  return [
    `${timeOf(asOf)}   ${payments} payments published   Ctrl-C ends it`,
    "",
    `${card_id} pays ${amount.toFixed(2)} to ${merchant_id} (${merchant_category}, ${country})`,
    `fraud  ${fraud.toFixed(3)}  ${"#".repeat(Math.round(fraud * BAR_WIDTH)).padEnd(BAR_WIDTH, ".")}  ${predictedClass}`,
    "",
    `Features of ${card_id} before this payment (* changed):`,
    ...rows,
    "",
  ].join("\n");
}

/** The same in one line. */
export function toLine({ asOf, transaction, fraud, predictedClass, vector }: Sight): string {
  const values = [...vector].map(([name, value]) => `${name}=${shown(value)}`);
  const amount = transaction.features.amount.toFixed(2);
  return `${timeOf(asOf)} ${transaction.card_id} pays ${amount} fraud=${fraud.toFixed(3)} ${predictedClass} ${values.join(" ")}`;
}

function shown(value: number | string | boolean | null): string {
  if (value === null) return "-";
  return typeof value === "number" && !Number.isInteger(value) ? value.toFixed(2) : String(value);
}

function timeOf(iso: string): string {
  return iso.slice(11, 23);
}
