/**
 * A feature set for tests: one feature of each kind, of accounts.
 */
import { type FeatureSet, parseFeatureSet } from "../../engine/core/feature-set.ts";

export const ACCOUNT_SET = {
  name: "account",
  version: "1.0.0",
  entity: { type: "account", key: "account_id" },
  features: [
    { name: "amount", kind: "request", min: 0 },
    { name: "country", kind: "online", type: "category", categories: ["DE", "FR"], default: "DE" },
    {
      name: "amount_sum_1h",
      kind: "window",
      aggregation: "sum",
      field: "amount",
      window: "1h",
      filter: { field: "type", in: ["payment", "refund"] },
      default: 0,
    },
    { name: "amount_ratio", kind: "derived", function: "ratio", inputs: ["amount", "amount_sum_1h"] },
  ],
};

type Change = Partial<Record<"name" | "version" | "entity" | "features" | "description", unknown>>;

/** The account set as JSON, with other values in its first level. */
export function accountSet(change: Change = {}): Record<string, unknown> {
  return { ...ACCOUNT_SET, ...change };
}

/** The same, parsed. */
export function parsedSet(change: Change = {}): FeatureSet {
  return parseFeatureSet(accountSet(change));
}

/** `count` window features that share no column. */
export function differentWindows(count: number): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `w${index}`,
    kind: "window",
    aggregation: "sum",
    field: `field${index}`,
    window: "1h",
  }));
}
