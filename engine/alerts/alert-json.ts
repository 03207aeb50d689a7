/**
 * Alerts as others see them: JSON over REST and NATS and in webhooks, rows of the history, and sentences.
 */
import type { AlertRow } from "../../storage/alert-history.ts";
import type { Alert, AlertChange, ChangeKind } from "./alert.ts";
import type { Delivery } from "./alert-group.ts";

/** What a channel is asked to tell; `test` is of no alert that was raised. */
export interface Notification extends Pick<Delivery, "id" | "atMs" | "alert"> {
  readonly change: ChangeKind | "test";
}

export function alertRow({ number, change, atMs, alert, channel, detail }: AlertChange): AlertRow {
  return {
    alert_id: alert.id,
    change_number: number,
    change,
    changed_date: isoOf(atMs),
    state: alert.state,
    severity: alert.severity,
    rule: alert.rule,
    description: alert.description,
    model_name: alert.model,
    model_version: alert.version,
    variant: alert.variant,
    columns: alert.columns,
    metric: alert.metric,
    operator: alert.op,
    threshold: alert.threshold,
    value: alert.value,
    window_start: isoOf(alert.windowStart),
    window_end: isoOf(alert.windowEnd),
    first_window_start: isoOf(alert.firstWindowStart),
    raised_date: isoOf(alert.raisedMs),
    about: alert.about,
    changed_by: alert.by,
    silence_id: alert.silence,
    channel,
    detail,
  };
}

/** An alert over REST: as a row of the history, without what is of one change only. */
export type AlertJson = Omit<AlertRow, "change_number" | "change" | "channel" | "detail">;

export function rowJson(row: AlertRow): AlertJson {
  const { change_number: _number, change: _change, channel: _channel, detail: _detail, ...rest } = row;
  return rest;
}

export function alertJson(alert: Alert): AlertJson {
  const change = { number: 0, change: "raised", atMs: alert.changedMs, channel: "", detail: "" } as const;
  return rowJson(alertRow({ ...change, alert }));
}

/** Body of the event on NATS, and of a webhook under `data`. */
export function notificationJson({ id, change, alert }: Notification) {
  return {
    notification_id: id,
    event: `alert_${change}`,
    message: headline({ change, alert }),
    ...alertJson(alert),
  };
}

/** One line: what happened, to whom, and the number. */
export function headline({ change, alert }: Pick<Notification, "change" | "alert">): string {
  const { severity, rule, model, version, metric, value, op, threshold, columns } = alert;
  const whose = `${model} ${version}${alert.variant === "" ? "" : ` (${alert.variant})`}`;
  const which =
    columns.length === 1 ? ` of ${columns[0]}` : columns.length > 1 ? ` of ${columns.length} columns` : "";
  const number = `${metric}${which} is ${rounded(value)}, ${change === "resolved" ? "alert when" : "limit"} ${op} ${threshold}`;
  return `[${severity}] ${rule} ${change}: ${whose}, ${number}`;
}

/** Names and values that people read below the headline. */
export function facts({
  alert,
  atMs,
}: Pick<Notification, "alert" | "atMs">): readonly (readonly [string, string])[] {
  const all: readonly (readonly [string, string])[] = [
    ["Rule", alert.description === "" ? alert.rule : `${alert.rule}: ${alert.description}`],
    ["State", alert.by === "" ? alert.state : `${alert.state} by ${alert.by}`],
    ["Model", [alert.model, alert.version, alert.variant].filter((part) => part !== "").join(" ")],
    ["Value", `${alert.metric} = ${rounded(alert.value)} (${alert.op} ${alert.threshold})`],
    ["Columns", alert.columns.join(", ")],
    ["Window", `${isoOf(alert.windowStart)} to ${isoOf(alert.windowEnd)}`],
    ["Since", isoOf(alert.firstWindowStart)],
    ["About", alert.about],
    ["Time", isoOf(atMs)],
    ["Alert", alert.id],
  ];
  return all.filter(([, value]) => value !== "");
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
