/** Verdicts written down in a word per column, and the incidents that come of them. */
import { type DriftSettings, parseDriftSettings } from "../../engine/monitor/drift/drift-settings.ts";
import {
  createIncidentState,
  fold,
  type IncidentChange,
  type IncidentState,
} from "../../engine/monitor/drift/incident.ts";
import type { ColumnVerdict, Verdict, WindowVerdict } from "../../engine/monitor/drift/window-verdict.ts";

export const SERIES = { model: "fraud", version: "1.0.0", variant: null };
const WINDOW_MS = 300_000;

/** What a column shows in one window. `between`: neither drifting nor quiet. */
export type Sign = "quiet" | "between" | "drift" | "critical" | "broken" | "insufficient";
export const SIGNS = ["quiet", "between", "drift", "critical", "broken", "insufficient"] as const;

const PSI: Readonly<Record<Sign, number | null>> = {
  quiet: 0.01,
  between: 0.06,
  drift: 0.12,
  critical: 0.3,
  broken: 0.5,
  insufficient: null,
};

const VERDICT: Readonly<Record<Sign, Verdict>> = {
  quiet: "none",
  between: "none",
  drift: "drift",
  critical: "drift",
  broken: "data_quality",
  insufficient: "insufficient",
};

export type Signs = Readonly<Record<string, Sign>>;

/** The verdict on the window of this number. */
export function verdictOf(number: number, signs: Signs, referenceId = "r1"): WindowVerdict {
  const columns = Object.entries(signs).map(([column, sign]) => columnOf(column, sign));
  const has = (verdict: Verdict) => columns.some((column) => column.verdict === verdict);
  const order: readonly Verdict[] = ["data_quality", "drift", "none"];
  return {
    ...SERIES,
    referenceId,
    startMs: number * WINDOW_MS,
    endMs: (number + 1) * WINDOW_MS,
    verdict: order.find(has) ?? "insufficient",
    columns,
  };
}

function columnOf(column: string, sign: Sign): ColumnVerdict {
  return {
    column,
    verdict: VERDICT[sign],
    psiCorrected: PSI[sign],
    pAdjusted: null,
    isCritical: sign === "critical",
    isQuiet: sign === "quiet",
    problems: sign === "broken" ? [{ kind: "null_spike", rate: 0.5, referenceRate: 0 }] : [],
  };
}

export interface Story {
  readonly state: IncidentState;
  readonly changes: readonly IncidentChange[];
  /** Each change in a line: number of its window, change, cause, columns. */
  readonly lines: readonly string[];
}

/** Folds verdicts in order, from nothing. */
export function tell(
  verdicts: readonly WindowVerdict[],
  settings: DriftSettings = parseDriftSettings({}),
): Story {
  let state = createIncidentState(SERIES);
  const changes: IncidentChange[] = [];
  for (const verdict of verdicts) {
    const folded = fold(state, verdict, settings);
    state = folded.state;
    changes.push(...folded.changes);
  }
  return { state, changes, lines: changes.map(lineOf) };
}

export function lineOf({ atMs, change, incident, columns }: IncidentChange): string {
  return `${atMs / WINDOW_MS - 1} ${change} ${incident.cause} ${incident.severity}: ${columns.join(" ")}`;
}
