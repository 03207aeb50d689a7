/** Rows that references are made from: made-up payments for the sample model, and profiles of the mixed one. */
import type { Prediction } from "../../engine/core/prediction.ts";
import { buildProfile, type ColumnValues } from "../../engine/monitor/references/reference-builder.ts";
import { type ReferenceProfile, watchedColumns } from "../../engine/monitor/references/reference-profile.ts";
import { PAYMENT } from "./card-fraud.ts";
import { mixedManifest } from "./manifests.ts";
import { createRandom } from "./random.ts";

export type Payment = Record<keyof typeof PAYMENT, string | number | boolean>;

export function payments(count: number, seed: number): Payment[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => ({
    ...PAYMENT,
    amount: random.next() * 1000, // tells rows apart
    hour: random.between(0, 23),
    merchant_category: ["grocery", "travel", "gift_cards"][random.between(0, 2)] as string,
    country: ["DE", "FR", "US"][random.between(0, 2)] as string,
    card_present: random.next() < 0.5,
    distance_km: random.next() * 100,
  }));
}

/** A CSV with a header, of payments with their predictions and what a test adds to each row. */
export function paymentsCsv(
  rows: readonly Payment[],
  predictions: readonly Prediction[] = [],
  more: (row: number) => Record<string, string> = () => ({}),
): string {
  const lines = rows.map((row, at) => {
    const prediction = predictions[at];
    const outputs =
      prediction === undefined
        ? {}
        : {
            predicted_value: String(prediction.predicted_value),
            predicted_class: prediction.predicted_class,
          };
    return { ...row, ...outputs, ...more(at) };
  });
  const names = Object.keys(lines[0] ?? {});
  const toLine = (line: Record<string, unknown>): string =>
    names.map((name) => `"${String(line[name]).replaceAll('"', '""')}"`).join(",");
  return `${[names.join(","), ...lines.map(toLine)].join("\n")}\n`;
}

/** Of the mixed model. */
export function mixedValues(rows: number, seed = 3): Map<string, ColumnValues> {
  const random = createRandom(seed);
  return new Map<string, ColumnValues>([
    ["size", Float32Array.from({ length: rows }, () => random.next() * 20 - 10)],
    ["age", Float32Array.from({ length: rows }, () => random.between(18, 80))],
    ["color", Array.from({ length: rows }, (_, at) => (at % 3 === 0 ? "red" : "blue"))],
    ["new", Float32Array.from({ length: rows }, (_, at) => at % 2)],
    ["predicted_value", Float32Array.from({ length: rows }, () => random.next())],
    ["predicted_class", Array.from({ length: rows }, (_, at) => (at % 4 === 0 ? "yes" : "no"))],
  ]);
}

export function mixedProfile(rows = 200, seed = 3): ReferenceProfile {
  return buildProfile(watchedColumns(mixedManifest()), mixedValues(rows, seed));
}
