/**
 * What a drift report is made of, in the order in which people want it: the worst first, and what to do about it.
 */
import type { DriftAnswer, DriftColumn, IncidentJson } from "../monitor/drift/drift-answer.ts";
import type { DriftSettings } from "../monitor/drift/drift-settings.ts";
import type { Verdict } from "../monitor/drift/window-verdict.ts";
import { columnTitle, countText, problemsText } from "./report-text.ts";

export interface DriftView {
  readonly answer: DriftAnswer;
  /** Open ones of the version, and of the variant if one was asked for. */
  readonly incidents: readonly IncidentJson[];
  /** In force for the model. */
  readonly settings: DriftSettings;
}

const NAMED_MAX = 5;

/** Data quality, critical drift, drift, none, insufficient; among equals the greatest corrected PSI first. */
export function bySeverity(columns: readonly DriftColumn[]): DriftColumn[] {
  const psiOf = ({ psi_corrected }: DriftColumn): number => psi_corrected ?? -1;
  return columns.toSorted((a, b) => severityOf(b) - severityOf(a) || psiOf(b) - psiOf(a));
}

/** Whether any column's drift is critical: then the window's is. */
export function isCriticalWindow({ verdict, columns }: DriftAnswer): boolean {
  return verdict === "drift" && columns.some(({ is_critical }) => is_critical);
}

/** How many columns are what, such as "2 of 9 columns drift, 1 has data-quality problems". */
export function countsOf({ columns, problems }: DriftAnswer): string {
  const numberOf = (verdict: Verdict): number =>
    columns.filter((column) => column.verdict === verdict).length;
  const [drifting, broken] = [numberOf("drift"), numberOf("data_quality")];
  const have = broken === 1 ? "1 has" : `${broken} have`;
  const drift = `${drifting} of ${columns.length} columns ${drifting === 1 ? "drifts" : "drift"}`;
  const told = broken === 0 ? drift : `${drift}, ${have} data-quality problems`;
  return problems.length === 0 ? told : `${told}; the whole window: ${problemsText({ problems })}`;
}

/** What to do, a sentence each; commands stand at the end, behind a colon. */
export function hintsOf({ answer, incidents, settings }: DriftView): string[] {
  const { model_name: model, model_version: version, rows, reference_rows, columns } = answer;
  const hints: string[] = [];
  if (rows === 0)
    hints.push(
      `no prediction was counted in this window; ask for a longer one: millrace drift ${model} --version ${version} --window 7d`,
    );
  else if (rows < settings.rows_min)
    hints.push(
      `fewer than ${settings.rows_min} predictions (rows_min) are not judged; ask for a longer window: millrace drift ${model} --version ${version} --window 7d`,
    );
  if (reference_rows < settings.reference_rows_min)
    hints.push(
      `the reference has ${countText(reference_rows)} rows, fewer than ${countText(settings.reference_rows_min)} (reference_rows_min), so nothing is judged; make one of more rows: millrace reference create ${model} --version ${version} --file train.csv`,
    );
  if (answer.problems.some(({ kind }) => kind === "schema_change"))
    hints.push(
      `somebody sends what the model does not take, or its predictions have not the columns of the reference: mend that first, nothing is retrained meanwhile; GET /monitoring/${model}/latency counts refused requests by code`,
    );
  const broken = columns.filter(({ verdict }) => verdict === "data_quality");
  if (broken.length > 0)
    hints.push(
      `mend where ${namesOf(broken)} comes from before anything else: while a data-quality incident is open, nothing is retrained`,
    );
  const drifting = columns.filter(({ verdict }) => verdict === "drift");
  const isOpen = incidents.some(({ cause }) => cause === "drift");
  if (drifting.length > 0 && isOpen)
    hints.push(`drift has an open incident; see what follows from it: millrace retrain status ${model}`);
  else if (drifting.length > 0)
    hints.push(
      `drift in one window is no incident yet: that takes ${settings.windows_needed} of ${settings.windows_considered} of the monitor's windows: millrace monitor show ${model}`,
    );
  return hints;
}

function severityOf({ verdict, is_critical }: DriftColumn): number {
  switch (verdict) {
    case "data_quality":
      return 4;
    case "drift":
      return is_critical ? 3 : 2;
    case "none":
      return 1;
    case "insufficient":
      return 0;
  }
}

function namesOf(columns: readonly DriftColumn[]): string {
  const names = columns.slice(0, NAMED_MAX).map(columnTitle);
  if (columns.length > NAMED_MAX) names.push(`${columns.length - NAMED_MAX} others`);
  return names.join(", ");
}
