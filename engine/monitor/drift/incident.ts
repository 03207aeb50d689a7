/**
 * Incidents of one series (model, version, variant): what people and triggers are told, folded from its windows' verdicts.
 *
 * Of each cause there is at most one open incident, so that thirty columns which drift together are one:
 *
 *     no incident ── a column turns active ──▶ open ── all its columns have left, or another reference ──▶ no incident
 *                     `opened`                  │ `closed`
 *                                               ├── a column that it has not had turns active: `extended`
 *                                               └── a column is critical in k of n windows: `escalated`, once
 *
 * When columns turn active and leave is persistence's matter. The causes are apart: `drift` counts windows with that
 * verdict, `data_quality` those with problems; windows of a column that are `insufficient` count for neither, and those
 * with problems not for drift. An incident that closes takes all evidence of its cause along, so no window is in two.
 *
 * Pure: the same verdicts give the same incidents, ids included. The latest window may be folded again, with the same
 * result; that is how a round is repeated. State is plain JSON. Bound: n marks a column, only of columns with a hit.
 */
import assert from "node:assert/strict";
import { uuidText, writeUuidOf } from "../../core/uuid.ts";
import type { ProblemKind } from "./data-quality.ts";
import type { DriftSettings } from "./drift-settings.ts";
import {
  advance,
  firstHitMs,
  hasReached,
  type Level,
  type Persistence,
  type Track,
  WATCHING,
} from "./persistence.ts";
import type { Series } from "./window-evidence.ts";
import type { ColumnVerdict, WindowVerdict } from "./window-verdict.ts";

export const CAUSES = ["drift", "data_quality"] as const;
export type Cause = (typeof CAUSES)[number];
/** Data-quality problems are always critical: what is broken must not wait. */
export type Severity = Exclude<Level, "none">;

export interface IncidentColumn {
  readonly column: string;
  /** Start of the first window that counted, and end of the one that made the column part of the incident. */
  readonly sinceMs: number;
  readonly joinedMs: number;
  /** Greatest bias-corrected PSI since it joined, the joining window's included; null if there was none. */
  readonly psiMax: number | null;
  /** All kinds of problems since it joined, in the order of their appearance. */
  readonly problems: readonly ProblemKind[];
}

export interface Incident extends Series {
  /** A UUID that follows from series, cause, first window and reference. */
  readonly id: string;
  readonly cause: Cause;
  readonly referenceId: string;
  readonly severity: Severity;
  /** Start of the first window that counted for a column that opened it. */
  readonly firstWindowMs: number;
  /** End of the window that opened it. */
  readonly openedMs: number;
  /** All that were ever part of it, in the order in which they joined. */
  readonly columns: readonly IncidentColumn[];
}

export interface IncidentChange {
  readonly change: "opened" | "extended" | "escalated" | "closed";
  /** End of the window that brought the change. */
  readonly atMs: number;
  /** As it is after the change. */
  readonly incident: Incident;
  /** The columns that opened, extended or escalated it; of `closed` those that were left. */
  readonly columns: readonly string[];
  /** Of `closed`. */
  readonly reason?: "quiet" | "reference_changed";
}

interface CauseState {
  /** By column, in the order of their names; those without evidence are left out. */
  readonly tracks: Readonly<Record<string, Track>>;
  readonly incident: Incident | null;
}

export interface IncidentState extends Series {
  /** The latest window folded, and what it changed; null before the first. */
  readonly latest: {
    readonly startMs: number;
    readonly endMs: number;
    readonly referenceId: string;
    readonly changes: readonly IncidentChange[];
  } | null;
  readonly causes: Readonly<Record<Cause, CauseState>>;
}

export interface Folded {
  readonly state: IncidentState;
  readonly changes: readonly IncidentChange[];
}

const NOTHING: CauseState = { tracks: {}, incident: null };

export function createIncidentState({ model, version, variant }: Series): IncidentState {
  return { model, version, variant, latest: null, causes: { drift: NOTHING, data_quality: NOTHING } };
}

/**
 * Folds the next window, or the latest one again, into the state. Windows come in order; sliding ones may overlap.
 * Folded again, a window has the result that it had at first, even if its counts have changed meanwhile.
 */
export function fold(state: IncidentState, verdict: WindowVerdict, settings: DriftSettings): Folded {
  const { model, version, variant, startMs, endMs, referenceId } = verdict;
  assert.deepEqual([model, version, variant], [state.model, state.version, state.variant], "another series");
  const { latest } = state;
  if (latest !== null && latest.startMs === startMs && latest.endMs === endMs)
    return { state, changes: latest.changes };
  if (latest !== null)
    assert.ok(startMs > latest.startMs && endMs > latest.endMs, `the window of ${startMs} is out of order`);
  const changes: IncidentChange[] = [];
  const causeOf = (cause: Cause): CauseState => {
    const before = state.causes[cause];
    const isOther = latest !== null && latest.referenceId !== referenceId;
    if (isOther && before.incident !== null)
      changes.push(closing(before.incident, before.tracks, endMs, "reference_changed"));
    const next = foldCause(cause, isOther ? NOTHING : before, verdict, settings);
    changes.push(...next.changes);
    return next.state;
  };
  const causes = { drift: causeOf("drift"), data_quality: causeOf("data_quality") };
  return { state: { ...state, latest: { startMs, endMs, referenceId, changes }, causes }, changes };
}

/** Whether broken data forbids retraining: problems are in an open incident, or were there in the latest windows. */
export function isRetrainingVetoed(state: IncidentState): boolean {
  const { tracks } = state.causes.data_quality;
  return Object.values(tracks).some((track) => track.isActive || firstHitMs(track) !== undefined);
}

interface CauseFolded {
  readonly state: CauseState;
  readonly changes: readonly IncidentChange[];
}

function foldCause(
  cause: Cause,
  before: CauseState,
  verdict: WindowVerdict,
  settings: DriftSettings,
): CauseFolded {
  const persistence = persistenceOf(cause, settings);
  const tracks = advanceTracks(cause, before.tracks, verdict, persistence);
  const { incident, changes } = foldIncident(cause, before.incident, tracks, verdict, persistence);
  if (incident === null || Object.values(tracks).some(({ isActive }) => isActive))
    return { state: { tracks, incident }, changes };
  const closed = closing(incident, before.tracks, verdict.endMs, "quiet");
  return { state: NOTHING, changes: [...changes, closed] };
}

/** The open incident after this window, with what it made of it, before it may close. */
function foldIncident(
  cause: Cause,
  before: Incident | null,
  tracks: Readonly<Record<string, Track>>,
  verdict: WindowVerdict,
  persistence: Persistence,
): { incident: Incident | null; changes: readonly IncidentChange[] } {
  const active = verdict.columns.filter(({ column }) => tracks[column]?.isActive === true);
  const known = new Set(before?.columns.map(({ column }) => column));
  const joining = active.filter(({ column }) => !known.has(column));
  const critical = active.filter(({ column }) =>
    hasReached(tracks[column]?.marks ?? [], "critical", persistence),
  );
  if (before === null && joining.length === 0) return { incident: null, changes: [] };
  const joined = joining.map((column) => joinedColumn(column, tracks[column.column] as Track, verdict));
  const incident: Incident = {
    ...(before ?? newIncident(cause, joined, verdict)),
    severity: before?.severity === "critical" || critical.length > 0 ? "critical" : "warning",
    columns: [...(before?.columns ?? []).map((column) => seenAgain(column, active)), ...joined],
  };
  const changes: IncidentChange[] = [];
  const add = (change: IncidentChange["change"], columns: readonly ColumnVerdict[]): void => {
    changes.push({ change, atMs: verdict.endMs, incident, columns: columns.map(({ column }) => column) });
  };
  if (joining.length > 0) add(before === null ? "opened" : "extended", joining);
  if (before?.severity === "warning" && incident.severity === "critical") add("escalated", critical);
  return { incident, changes };
}

function advanceTracks(
  cause: Cause,
  tracks: Readonly<Record<string, Track>>,
  verdict: WindowVerdict,
  persistence: Persistence,
): Record<string, Track> {
  const next = new Map(Object.entries(tracks));
  for (const column of verdict.columns) {
    const evidence = signOf(cause, column);
    if (evidence === undefined) continue;
    const mark = { startMs: verdict.startMs, level: evidence.level };
    next.set(
      column.column,
      advance(next.get(column.column) ?? WATCHING, mark, evidence.isQuiet, persistence),
    );
  }
  const withEvidence = [...next].filter(([, track]) => track.isActive || firstHitMs(track) !== undefined);
  return Object.fromEntries(withEvidence.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What a column's verdict says about a cause; undefined if nothing. */
function signOf(
  cause: Cause,
  { verdict, isCritical, isQuiet }: ColumnVerdict,
): { readonly level: Level; readonly isQuiet: boolean } | undefined {
  if (verdict === "insufficient") return undefined;
  if (cause === "data_quality")
    return verdict === "data_quality"
      ? { level: "critical", isQuiet: false }
      : { level: "none", isQuiet: true };
  if (verdict === "data_quality") return undefined;
  if (verdict === "none") return { level: "none", isQuiet };
  return { level: isCritical ? "critical" : "warning", isQuiet: false };
}

function persistenceOf(cause: Cause, settings: DriftSettings): Persistence {
  const quiet = settings.quiet_windows;
  return cause === "drift"
    ? { needed: settings.windows_needed, considered: settings.windows_considered, quiet }
    : { needed: settings.quality_windows_needed, considered: settings.quality_windows_considered, quiet };
}

function newIncident(
  cause: Cause,
  joined: readonly IncidentColumn[],
  { model, version, variant, referenceId, endMs }: WindowVerdict,
): Omit<Incident, "severity" | "columns"> {
  const firstWindowMs = Math.min(...joined.map(({ sinceMs }) => sinceMs));
  const bytes = new Uint8Array(16);
  writeUuidOf(bytes, 0, JSON.stringify([model, version, variant, cause, firstWindowMs, referenceId]));
  const id = uuidText(bytes, 0);
  return { id, model, version, variant, cause, referenceId, firstWindowMs, openedMs: endMs };
}

function joinedColumn(column: ColumnVerdict, track: Track, { endMs }: WindowVerdict): IncidentColumn {
  const sinceMs = firstHitMs(track);
  assert.ok(sinceMs !== undefined, `${column.column} is active without a hit`);
  const fresh = { column: column.column, sinceMs, joinedMs: endMs, psiMax: null, problems: [] };
  return seenAgain(fresh, [column]);
}

/** The column with what the window adds to its record. */
function seenAgain(known: IncidentColumn, active: readonly ColumnVerdict[]): IncidentColumn {
  const now = active.find(({ column }) => column === known.column);
  if (now === undefined) return known;
  const psiMax =
    now.psiCorrected === null ? known.psiMax : Math.max(known.psiMax ?? now.psiCorrected, now.psiCorrected);
  const problems = [...new Set([...known.problems, ...now.problems.map(({ kind }) => kind)])];
  return { ...known, psiMax, problems };
}

function closing(
  incident: Incident,
  tracks: Readonly<Record<string, Track>>,
  atMs: number,
  reason: "quiet" | "reference_changed",
): IncidentChange {
  const left = Object.keys(tracks).filter((column) => tracks[column]?.isActive === true);
  return { change: "closed", atMs, incident, columns: left, reason };
}
