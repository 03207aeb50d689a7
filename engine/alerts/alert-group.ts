/**
 * What is kept of one group of a rule: its series, its latest alert, and what is still to be done about it.
 *
 * A change of the alert and the work that follows from it (a row of the history, notifications) are one record, so that no
 * crash can part them: a record that is written is worked off by whoever runs next. Bound: WORK_MAX items of work; a group with
 * more takes no observation until some are done.
 */
import { createHash } from "node:crypto";
import { type Alert, type AlertChange, type ChangeKind, changed } from "./alert.ts";
import { type ChannelName, groupText } from "./alert-rule.ts";
import type { SeriesTrack } from "./alert-series.ts";

export interface AlertGroup {
  readonly rule: string;
  readonly group: Readonly<Record<string, string>>;
  readonly series: readonly SeriesTrack[];
  /** The open one, or the last. */
  readonly alert: Alert | null;
  /** End of the cooldown, in the time of windows. */
  readonly quietUntil: number;
  /** Changes made so far, of all its alerts. */
  readonly changes: number;
  /** Changes that are not in the history yet, oldest first. */
  readonly unstored: readonly AlertChange[];
  /** Notifications that are not settled yet, oldest first. */
  readonly deliveries: readonly Delivery[];
}

export interface Delivery {
  /** Of the notification: the same for every attempt and channel. */
  readonly id: string;
  readonly channel: ChannelName;
  readonly change: ChangeKind;
  readonly atMs: number;
  readonly alert: Alert;
  /** Begun, the one under way included. */
  readonly attempts: number;
  /** When the next attempt may begin, ms since 1970. */
  readonly nextMs: number;
}

export const WORK_MAX = 64;

/** Key of the group's record. */
export function groupKey(rule: string, group: Readonly<Record<string, string>>): string {
  return `group.${createHash("sha256").update(groupText(rule, group)).digest("hex").slice(0, 32)}`;
}

export function hasRoom({ unstored, deliveries }: AlertGroup): boolean {
  return unstored.length + deliveries.length < WORK_MAX;
}

interface ChangeWords {
  readonly change: Exclude<ChangeKind, "delivered" | "undelivered">;
  readonly nowMs: number;
  readonly detail?: string;
}

/** The group after a change of its alert, with the notifications that `told` asks for. */
export function withChange(
  group: AlertGroup,
  alert: Alert,
  { change, nowMs, detail = "" }: ChangeWords,
  told: readonly ChannelName[],
): AlertGroup {
  const from = change === "raised" ? "none" : alert.state;
  const next = { ...changed(alert, from, change), changedMs: nowMs };
  const isTold = change === "unsilenced" ? "raised" : change; // what they hear of it
  const id = `${next.id}.${isTold}${change === "escalated" ? `.${next.severity}` : ""}`;
  const deliveries = told.map((channel) => ({
    id,
    channel,
    change: isTold,
    atMs: nowMs,
    alert: next,
    attempts: 0,
    nextMs: nowMs,
  }));
  const row: AlertChange = {
    number: group.changes + 1,
    change,
    atMs: nowMs,
    alert: next,
    channel: "",
    detail,
  };
  return {
    ...group,
    alert: next,
    changes: row.number,
    unstored: [...group.unstored, row],
    deliveries: [...group.deliveries, ...deliveries],
  };
}

/** The group once a notification is settled: its outcome is one more change. */
export function withOutcome(
  group: AlertGroup,
  delivery: Delivery,
  outcome: { readonly change: "delivered" | "undelivered"; readonly nowMs: number; readonly detail: string },
): AlertGroup {
  const rest = group.deliveries.filter((one) => !isSame(one, delivery));
  if (rest.length === group.deliveries.length) return group; // somebody else has settled it
  const { change, nowMs, detail } = outcome;
  const { alert } = group;
  const now: Alert = alert?.id === delivery.alert.id ? alert : { ...delivery.alert, state: "resolved" };
  const row: AlertChange = {
    number: group.changes + 1,
    change,
    atMs: nowMs,
    alert: changed(now, now.state, change),
    channel: delivery.channel,
    detail,
  };
  return { ...group, changes: row.number, deliveries: rest, unstored: [...group.unstored, row] };
}

/** The group with a delivery replaced, or as it is when that is settled. */
export function withDelivery(group: AlertGroup, delivery: Delivery): AlertGroup {
  return {
    ...group,
    deliveries: group.deliveries.map((one) => (isSame(one, delivery) ? delivery : one)),
  };
}

export function isSame(a: Delivery, b: Delivery): boolean {
  return a.id === b.id && a.channel === b.channel;
}
