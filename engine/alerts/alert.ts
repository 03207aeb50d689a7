/**
 * An alert, its states, and every change that it may go through.
 *
 *     none, resolved ──raised──▶ raised ──acknowledged──▶ acknowledged
 *                                  │                         │
 *                                  └───────resolved──────────┴──▶ resolved
 *
 * Beside these, `escalated` (it became more severe) and `unsilenced` (its silence is over) leave an open alert in its state;
 * `delivered` and `undelivered` tell what became of a notification, in any state. Each change is one row of the history. Invariant: a change that CHANGES does not allow is never made.
 */
import assert from "node:assert/strict";
import { uuidText, writeUuidOf } from "../core/uuid.ts";
import { type AlertRule, type ChannelName, groupText, type Operator } from "./alert-rule.ts";
import type { ObservedMetric, Severity } from "./observation.ts";

export const ALERT_STATES = ["raised", "acknowledged", "resolved"] as const;
export type AlertState = (typeof ALERT_STATES)[number];

export type ChangeKind = keyof typeof CHANGES;

/** From which states, to which; null keeps the state, "none" is no alert yet. */
const CHANGES = {
  raised: { from: ["none"], to: "raised" },
  escalated: { from: ["raised", "acknowledged"], to: null },
  unsilenced: { from: ["raised", "acknowledged"], to: null },
  acknowledged: { from: ["raised"], to: "acknowledged" },
  resolved: { from: ["raised", "acknowledged"], to: "resolved" },
  delivered: { from: ALERT_STATES, to: null },
  undelivered: { from: ALERT_STATES, to: null },
} as const satisfies Record<string, { from: readonly (AlertState | "none")[]; to: AlertState | null }>;

export interface Alert {
  /** A UUID that follows from rule, group and first window. */
  readonly id: string;
  readonly rule: string;
  readonly description: string;
  readonly state: AlertState;
  /** The greatest that it has had. */
  readonly severity: Severity;
  readonly metric: ObservedMetric;
  readonly op: Operator;
  readonly threshold: number;
  /** What tells it from other alerts of the rule. */
  readonly group: Readonly<Record<string, string>>;
  /** Of the worst series, at the latest window. */
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly value: number;
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly about: string;
  /** Of all series that raise it, the first COLUMNS_MAX by name. */
  readonly columns: readonly string[];
  /** Start of the first window that counted. */
  readonly firstWindowStart: number;
  readonly raisedMs: number;
  /** Of the latest change, deliveries aside. */
  readonly changedMs: number;
  /** Who acknowledged or resolved it by hand; else empty. */
  readonly by: string;
  /** Id of the silence that it was raised in and is held back by; else empty. */
  readonly silence: string;
  /** Who is told of it. */
  readonly channels: readonly ChannelName[];
}

/** One row of the history. */
export interface AlertChange {
  /** Grows with every change of a group's alerts. */
  readonly number: number;
  readonly change: ChangeKind;
  readonly atMs: number;
  /** As it is after the change. */
  readonly alert: Alert;
  /** Of `delivered` and `undelivered`. */
  readonly channel: ChannelName | "";
  /** Why, in words; may be empty. */
  readonly detail: string;
}

export const COLUMNS_MAX = 20;

export function isOpen(alert: Alert | null): alert is Alert {
  return alert !== null && alert.state !== "resolved";
}

export function alertId(
  rule: AlertRule,
  group: Readonly<Record<string, string>>,
  firstWindow: { readonly start: number; readonly end: number },
): string {
  const bytes = new Uint8Array(16);
  const { start, end } = firstWindow;
  writeUuidOf(bytes, 0, JSON.stringify(["alert", groupText(rule.name, group), start, end]));
  return uuidText(bytes, 0);
}

/** The alert after the change. `from` is its state before, "none" for one that is made now. */
export function changed(alert: Alert, from: AlertState | "none", change: ChangeKind): Alert {
  const allowed: { from: readonly (AlertState | "none")[]; to: AlertState | null } = CHANGES[change];
  assert.ok(allowed.from.includes(from), `an alert that is ${from} cannot be ${change}`);
  return { ...alert, state: allowed.to ?? alert.state };
}
