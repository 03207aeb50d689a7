/**
 * A number of each prediction of one series under streaming detectors, window after window in the order of their making: the
 * predicted values, or by how much labelled ones were wrong, according to the table.
 *
 *     window is over → its predictions that were not fed yet → feedDetectors → states and alarms, kept with its report
 *
 * Each prediction is fed once: sliding windows give only what is new in them, and a round that is done again begins with the
 * states of the last report that is stored. Predictions that are stored (or labelled) after their window was fed are not fed.
 * Bounds: the first SCORES_MAX predictions of a window, ALARMS_MAX alarms of it by name.
 */
import type { DatedSpan, DatedValues } from "../../../storage/dated-values.ts";
import { type DetectorStates, feedDetectors } from "./detector-feed.ts";
import type { DetectorKind, DetectorSettings } from "./detector-settings.ts";

const SCORES_MAX = 1_000_000;
const ALARMS_MAX = 100;

export interface ScoreTable {
  count(span: DatedSpan): Promise<number>;
  /** The first `rows`, by prediction_date and prediction_id. */
  read(span: DatedSpan, rows: number): AsyncIterable<DatedValues>;
}

export interface ScoreAlarm {
  readonly detector: DetectorKind;
  /** When the prediction was made at which it found drift. */
  readonly atMs: number;
}

/** What one window brought. */
export interface ScoreNews {
  readonly startMs: number;
  readonly endMs: number;
  /** Predictions fed, and those beyond SCORES_MAX that were not. */
  readonly rows: number;
  readonly rowsLeftOut: number;
  /** How many alarms each detector that runs has raised. */
  readonly counts: Readonly<Partial<Record<DetectorKind, number>>>;
  /** The first ALARMS_MAX. */
  readonly alarms: readonly ScoreAlarm[];
}

/** Plain JSON. */
export interface ScoreWatch {
  /** Predictions made before are fed, ms since 1970. */
  readonly fedToMs: number;
  readonly states: DetectorStates;
  readonly latest: ScoreNews;
}

export interface ScoreWindow extends Omit<DatedSpan, "fromMs" | "toMs"> {
  readonly startMs: number;
  readonly endMs: number;
  /** Whether it has any prediction at all. */
  readonly isEmpty: boolean;
}

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function watchScores(
  before: ScoreWatch | undefined,
  settings: readonly DetectorSettings[],
  { startMs, endMs, isEmpty, ...series }: ScoreWindow,
  table: ScoreTable,
): Promise<ScoreWatch> {
  const span = { ...series, fromMs: Math.max(startMs, before?.fedToMs ?? startMs), toMs: endMs };
  let { states } = feedDetectors(before?.states ?? {}, settings, []);
  const counts: Partial<Record<DetectorKind, number>> = {};
  for (const { kind } of settings) counts[kind] = 0;
  const alarms: ScoreAlarm[] = [];
  const total = isEmpty || settings.length === 0 || span.fromMs >= endMs ? 0 : await table.count(span);
  const rows = Math.min(total, SCORES_MAX);
  if (rows > 0)
    for await (const { values, madeMs } of table.read(span, rows)) {
      const fed = feedDetectors(states, settings, values);
      states = fed.states;
      for (const { detector, index } of fed.alarms) {
        counts[detector] = (counts[detector] ?? 0) + 1;
        if (alarms.length < ALARMS_MAX) alarms.push({ detector, atMs: madeMs[index] as number });
      }
    }
  const latest = { startMs, endMs, rows, rowsLeftOut: total - rows, counts, alarms };
  return { fedToMs: Math.max(endMs, before?.fedToMs ?? 0), states, latest };
}
