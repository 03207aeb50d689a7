/**
 * The states of alerts, folded from observations.
 *
 *     nothing kept ──a hit──▶ pending ──k of n windows of one series──▶ raised ──by hand──▶ acknowledged
 *          ▲                     ▲                                        │                     │
 *          │                     └─── cooldown over, k of n ────┐         └─── all series quiet, by hand, rule gone
 *          └── a day without a hit ─────────────────────── resolved ◀─────────────────────────┘
 *
 * The clock of states is that of windows, so that rounds which catch up give what they would have given in time; only
 * silences, which people set by the wall clock, go by `nowMs`. Pure: a round that is folded again changes nothing, whatever
 * part of it was written before, because a window that was counted is left out and ids follow from rule, group and window.
 * An alert raised in a silence is told when that is over, if it is still open. Bound: SERIES_MAX series a group; what else
 * hits meanwhile would raise the same alert.
 */
import assert from "node:assert/strict";
import { durationMs } from "../core/duration.ts";
import { type Alert, alertId, COLUMNS_MAX, isOpen } from "./alert.ts";
import { type AlertGroup, groupKey, hasRoom, withChange } from "./alert-group.ts";
import { type AlertRule, type ChannelName, compareBadness, holds, isAbout } from "./alert-rule.ts";
import { advance, cleared, firstHit, isHit, isOf, type SeriesTrack } from "./alert-series.ts";
import { type Silence, silenceOf } from "./alert-silence.ts";
import { type Observation, SEVERITIES, type Severity } from "./observation.ts";

const SERIES_MAX = 500;
const RETENTION_MS = 86_400_000;

/** What all groups of a round have in common. */
export interface Round {
  readonly rules: readonly AlertRule[];
  readonly silences: readonly Silence[];
  /** Those that are configured. */
  readonly channels: readonly ChannelName[];
  readonly nowMs: number;
}

/** What a round brings for one group. */
export interface GroupRound extends Round {
  readonly key: string;
  readonly group: Readonly<Record<string, string>>;
  /** Undefined when it is gone, off, or groups by other fields than it did. */
  readonly rule: AlertRule | undefined;
  readonly observations: readonly Observation[];
  /** End of the latest window of the whole round. */
  readonly untilMs: number;
}

/** What the round means for each group: of those that are kept, and of those that begin with a hit. */
export function planRound(
  groups: ReadonlyMap<string, AlertGroup>,
  observations: readonly Observation[],
  round: Round,
): GroupRound[] {
  const rules = new Map(round.rules.filter(({ enabled }) => enabled).map((rule) => [rule.name, rule]));
  const untilMs = Math.max(...observations.map(({ windowEnd }) => windowEnd), -Infinity);
  const plan = new Map<string, GroupRound & { observations: Observation[] }>();
  for (const [key, { rule: name, group }] of groups) {
    const rule = rules.get(name);
    const isSame = rule !== undefined && rule.group_by.toSorted().join() === Object.keys(group).sort().join();
    plan.set(key, { ...round, key, group, rule: isSame ? rule : undefined, observations: [], untilMs });
  }
  for (const observation of observations) {
    if (!Number.isFinite(observation.value)) continue;
    for (const rule of rules.values()) {
      if (!isAbout(rule, observation)) continue;
      const group = groupOf(rule, observation);
      const key = groupKey(rule.name, group);
      const known = plan.get(key);
      if (known === undefined && !holds(rule, observation.value)) continue;
      const own = known ?? { ...round, key, group, rule, observations: [], untilMs };
      own.observations.push(observation);
      plan.set(key, own);
    }
  }
  return [...plan.values()];
}

/** The group after the round: `before` itself when nothing changes, undefined when nothing is to be kept. */
export function foldGroup(before: AlertGroup | undefined, round: GroupRound): AlertGroup | undefined {
  const { rule } = round;
  if (before !== undefined && !hasRoom(before)) return before;
  if (rule === undefined) return before === undefined ? undefined : withoutRule(before, round);
  let next = before;
  for (const observations of byWindowEnd(round.observations)) {
    next = foldWindow(next, observations, rule, round);
  }
  if (next === undefined) return undefined;
  next = unsilence(next, round);
  return isForgettable(next, round) ? undefined : next;
}

/** A group's alert resolved, by hand if `by` names somebody: the evidence begins anew, and the cooldown begins. */
export function resolveGroup(
  group: AlertGroup,
  cooldownMs: number,
  words: { readonly nowMs: number; readonly detail: string; readonly by?: string },
): AlertGroup {
  assert.ok(isOpen(group.alert), "only an open alert is resolved");
  const { nowMs, detail, by = "" } = words;
  const ended = { ...group.alert, by };
  const told = ended.silence === "" ? ended.channels : [];
  const resolved = withChange(group, ended, { change: "resolved", nowMs, detail }, told);
  const lastEnd = Math.max(...group.series.map(({ windowEnd }) => windowEnd));
  return { ...resolved, series: resolved.series.map(cleared), quietUntil: lastEnd + cooldownMs };
}

function groupOf(rule: AlertRule, observation: Observation): Record<string, string> {
  return Object.fromEntries(rule.group_by.map((field) => [field, observation[field] ?? ""]));
}

/** Observations of each window end, in the order of time. */
function byWindowEnd(observations: readonly Observation[]): Observation[][] {
  const groups = new Map<number, Observation[]>();
  for (const one of observations) {
    const group = groups.get(one.windowEnd);
    if (group === undefined) groups.set(one.windowEnd, [one]);
    else group.push(one);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group);
}

function foldWindow(
  before: AlertGroup | undefined,
  observations: readonly Observation[],
  rule: AlertRule,
  round: GroupRound,
): AlertGroup | undefined {
  const series = advanceSeries(before?.series ?? [], observations, rule);
  if (series === before?.series) return before;
  if (before === undefined && !series.some(isHit)) return undefined;
  const group: AlertGroup = {
    ...(before ?? emptyGroup(rule, round)),
    series,
  };
  const active = series.filter(({ isActive }) => isActive);
  if (!isOpen(group.alert)) return raise(group, active, rule, round);
  if (active.length > 0) return update(group, group.alert, active, rule, round);
  const were = series.filter((_, index) => before?.series[index]?.isActive === true);
  const last = { ...group.alert, ...shown(were, rule), columns: group.alert.columns };
  const cooldownMs = durationMs(rule.cooldown) as number;
  return resolveGroup({ ...group, alert: last }, cooldownMs, {
    nowMs: round.nowMs,
    detail: "the condition held in none of the latest windows",
  });
}

function emptyGroup(rule: AlertRule, { group }: GroupRound): AlertGroup {
  return {
    rule: rule.name,
    group,
    series: [],
    alert: null,
    quietUntil: -Number.MAX_SAFE_INTEGER,
    changes: 0,
    unstored: [],
    deliveries: [],
  };
}

/** The same array when every window was counted before. Series in the order in which they first hit. */
function advanceSeries(
  before: readonly SeriesTrack[],
  observations: readonly Observation[],
  rule: AlertRule,
): readonly SeriesTrack[] {
  let series = before;
  for (const observation of observations) {
    const index = series.findIndex((track) => isOf(track, observation));
    const track = series[index];
    if (track === undefined && (series.length >= SERIES_MAX || !holds(rule, observation.value))) continue;
    if (track !== undefined && observation.windowEnd <= track.windowEnd) continue;
    const next = advance(track, observation, rule);
    series = track === undefined ? [...series, next] : series.with(index, next);
  }
  return series;
}

function raise(
  group: AlertGroup,
  active: readonly SeriesTrack[],
  rule: AlertRule,
  { silences, channels, nowMs }: GroupRound,
): AlertGroup {
  const hitting = active.filter((track) => isHit(track) && track.windowEnd >= group.quietUntil);
  const firsts = hitting
    .flatMap((track) => firstHit(track) ?? [])
    .sort((a, b) => a.end - b.end || a.start - b.start);
  const [first] = firsts;
  if (first === undefined) return group;
  const alert: Alert = {
    id: alertId(rule, group.group, first),
    rule: rule.name,
    description: rule.description ?? "",
    state: "raised",
    severity: severityOf(active, rule),
    metric: rule.metric,
    op: rule.condition.op,
    threshold: rule.condition.threshold,
    group: group.group,
    ...shown(active, rule),
    firstWindowStart: first.start,
    raisedMs: nowMs,
    changedMs: nowMs,
    by: "",
    silence: "",
    channels: rule.channels ?? channels,
  };
  const silence = silenceOf(alert, silences, nowMs);
  const held = { ...alert, silence: silence?.id ?? "" };
  const detail = silence === undefined ? "" : `silenced: ${silence.reason}`;
  return withChange(
    group,
    held,
    { change: "raised", nowMs, detail },
    silence === undefined ? alert.channels : [],
  );
}

/** The open alert with what its series show now. */
function update(
  group: AlertGroup,
  alert: Alert,
  active: readonly SeriesTrack[],
  rule: AlertRule,
  { nowMs }: GroupRound,
): AlertGroup {
  const severity = severityOf(active, rule);
  const next = { ...alert, ...shown(active, rule) };
  if (SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(alert.severity)) return { ...group, alert: next };
  const told = alert.silence === "" ? alert.channels : [];
  const detail = `${alert.severity} before`;
  return withChange(group, { ...next, severity }, { change: "escalated", nowMs, detail }, told);
}

/** What the alert shows of its series: the worst of them. */
function shown(
  series: readonly SeriesTrack[],
  rule: AlertRule,
): Pick<
  Alert,
  "model" | "version" | "variant" | "value" | "windowStart" | "windowEnd" | "about" | "columns"
> {
  const [worst] = series.toSorted((a, b) => compareBadness(rule, a.value, b.value));
  assert.ok(worst !== undefined, "an alert is of one series at least");
  const { model, version, variant, value, windowStart, windowEnd, about } = worst;
  const columns = [...new Set(series.map(({ column }) => column))].filter((name) => name !== "").sort();
  return {
    model,
    version,
    variant,
    value,
    windowStart,
    windowEnd,
    about,
    columns: columns.slice(0, COLUMNS_MAX),
  };
}

function severityOf(series: readonly SeriesTrack[], rule: AlertRule): Severity {
  const ranks = [rule.severity, ...series.map(({ severity }) => severity)].map((one) =>
    SEVERITIES.indexOf(one),
  );
  return SEVERITIES[Math.max(...ranks)] as Severity;
}

function unsilence(group: AlertGroup, { silences, nowMs }: GroupRound): AlertGroup {
  const { alert } = group;
  if (!isOpen(alert) || alert.silence === "" || silenceOf(alert, silences, nowMs) !== undefined) return group;
  const told = alert.state === "raised" ? alert.channels : []; // who acknowledged it knows of it
  const detail = "the silence is over";
  return withChange(group, { ...alert, silence: "" }, { change: "unsilenced", nowMs, detail }, told);
}

function withoutRule(group: AlertGroup, round: GroupRound): AlertGroup | undefined {
  if (isOpen(group.alert)) {
    const detail = `the rule ${group.rule} was removed, switched off, or groups by other fields now`;
    return resolveGroup(group, 0, { nowMs: round.nowMs, detail });
  }
  return hasWork(group) ? group : undefined;
}

/** Groups without an alert are kept for a day of windows, so that rounds that are repeated change nothing. */
function isForgettable(group: AlertGroup, { untilMs }: GroupRound): boolean {
  return (
    !isOpen(group.alert) &&
    !hasWork(group) &&
    group.quietUntil < untilMs &&
    group.series.every(({ windowEnd, marks }) => marks.length === 0 && windowEnd + RETENTION_MS < untilMs)
  );
}

function hasWork({ unstored, deliveries }: AlertGroup): boolean {
  return unstored.length > 0 || deliveries.length > 0;
}
