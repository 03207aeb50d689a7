/**
 * What `GET /monitoring/{model}/drift` answers, and incidents as JSON: the names on the wire, for those who write and read them.
 *
 * Times are ISO 8601, rates and shares 0 to 1; what has no value is null.
 */
import type { ProblemKind } from "./data-quality.ts";
import type { Cause, Severity } from "./incident.ts";
import type { Verdict } from "./window-verdict.ts";

export interface DriftAnswer {
  readonly model_name: string;
  readonly model_version: string;
  /** Absent when all variants are taken together. */
  readonly variant?: string;
  readonly reference_id: string;
  /** As `compare_with` of the model's settings has it. */
  readonly compared_with: "reference" | "season";
  /** With `season`: the windows whose counts stand in for the reference's, in the bins of which they were counted. */
  readonly season?: readonly SpanJson[];
  readonly from: string;
  readonly to: string;
  readonly rows: number;
  /** Of the season, if that is compared with. */
  readonly reference_rows: number;
  readonly verdict: Verdict;
  /** Of the window as a whole. */
  readonly problems: readonly ProblemJson[];
  /** With `exact=true`. */
  readonly exact?: ExactJson;
  readonly columns: readonly DriftColumn[];
}

export interface SpanJson {
  readonly from: string;
  readonly to: string;
}

export interface ProblemJson {
  readonly kind: ProblemKind;
  readonly rate: number;
  readonly reference_rate: number;
}

/** What was measured from rows: those of both windows, which may be more than are counted yet. */
export interface ExactJson {
  readonly rows: number;
  readonly reference_rows: number;
  readonly reference_from: string;
  readonly reference_to: string;
}

/** Of a column, from its counts. */
export interface MeasuresJson {
  readonly rows: number;
  readonly psi: number | null;
  readonly psi_corrected: number | null;
  readonly p_value: number | null;
  readonly ks: { readonly low: number; readonly high: number; readonly p_value: number } | null;
  readonly jensen_shannon: number | null;
  readonly kl: number | null;
  readonly wasserstein: WassersteinJson | null;
  readonly chi_square: {
    readonly statistic: number;
    readonly freedom: number;
    readonly p_value: number;
  } | null;
  readonly null_rate: RateJson | null;
  readonly unseen_rate: RateJson | null;
  readonly out_of_range_rate: RateJson | null;
}

export interface DriftColumn extends MeasuresJson {
  readonly feature: string;
  readonly role: "input" | "output";
  readonly type: "number" | "category";
  readonly verdict: Verdict;
  readonly is_critical: boolean;
  readonly p_adjusted: number | null;
  readonly problems: readonly ProblemJson[];
  readonly bins: BinsJson;
  /** With `exact=true`; null of a column that the rows do not have. */
  readonly exact?: ExactColumnJson | null;
}

/** From the rows, in bins of their own, but for the two that need none. */
export interface ExactColumnJson extends Omit<MeasuresJson, "ks" | "wasserstein"> {
  readonly ks: { readonly statistic: number; readonly p_value: number; readonly mode: string } | null;
  readonly wasserstein: { readonly distance: number; readonly normalized: number | null } | null;
}

export interface WassersteinJson {
  readonly low: number;
  readonly estimate: number;
  readonly high: number;
  /** The estimate in standard deviations of the reference; null when that is constant. */
  readonly normalized: number | null;
}

export interface RateJson {
  readonly reference: number;
  readonly current: number;
  readonly p_value: number;
}

/** Numbers have edges, categories values. Shares of rows per bin (see reference-profile), one more than values or edges, then of null. */
export interface BinsJson {
  readonly edges?: readonly number[];
  readonly values?: readonly string[];
  readonly reference: readonly number[];
  readonly current: readonly number[];
}

export interface IncidentJson {
  readonly incident_id: string;
  readonly model_name: string;
  readonly model_version: string;
  readonly variant: string | null;
  readonly cause: Cause;
  readonly severity: Severity;
  readonly reference_id: string;
  readonly first_window: string;
  readonly opened_at: string;
  readonly columns: readonly {
    readonly column: string;
    readonly since: string;
    readonly joined_at: string;
    readonly psi_max: number | null;
    readonly problems: readonly ProblemKind[];
  }[];
}
