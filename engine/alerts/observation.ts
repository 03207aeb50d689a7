/**
 * What the monitor tells alerting after each round: one number per series, metric and window.
 *
 * An incident is told as an observation too, of the metric of its cause: 1 for a warning, 2 when it is critical, 0 once it is
 * closed. Observations of one series come in the order of their windows' ends; one that comes again changes nothing.
 */

export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

const MEASURED = [
  "drift.incident", // 1 warning, 2 critical, 0 closed
  "data_quality.incident",
  "drift.psi",
  "drift.ks",
  "drift.jensen_shannon",
  "drift.kl",
  "drift.wasserstein", // in the reference's standard deviations
  "drift.chi_square",
  "drift.detector", // alarms of a streaming detector in the window; its kind stands as the column
  "data_quality.null_rate",
  "data_quality.unseen_rate",
  "performance.detector", // of one that reads errors, in the newest mature window
  "performance.below_reference", // of the model's main metric; positive is worse
  "estimated.below_reference",
  "latency.p50_ms",
  "latency.p95_ms",
  "latency.p99_ms",
  "errors.rate", // share of the rows
  "volume.rows",
  "slo.compliance", // share of good events over the objective's period
  "slo.budget_left",
] as const;

/** Metrics of performance reports, with labels (`performance.`) or without (`estimated.`). */
const QUALITY = [
  "roc_auc",
  "roc_auc_ovr_macro",
  "gini",
  "ks",
  "accuracy",
  "precision",
  "precision_macro",
  "precision_weighted",
  "recall",
  "recall_macro",
  "recall_weighted",
  "f1",
  "f1_macro",
  "f1_weighted",
  "log_loss",
  "brier_score",
  "expected_calibration_error",
  "mae",
  "mse",
  "rmse",
  "r2",
  "mape",
] as const;

export type ObservedMetric =
  | (typeof MEASURED)[number]
  | `${"performance" | "estimated"}.${(typeof QUALITY)[number]}`;

/** What a rule may ask for. */
export const OBSERVED_METRICS: readonly ObservedMetric[] = [
  ...MEASURED,
  ...QUALITY.map((name) => `performance.${name}` as const),
  ...QUALITY.map((name) => `estimated.${name}` as const),
];

export interface Observation {
  readonly model: string;
  readonly version: string;
  /** Of an experiment, or empty. */
  readonly variant: string;
  readonly metric: ObservedMetric;
  /** Of a metric that is taken per column. */
  readonly column?: string;
  /** One that is not finite is left out: it says nothing. */
  readonly value: number;
  /** ms since 1970 */
  readonly windowStart: number;
  readonly windowEnd: number;
  /** Least severity of an alert that it raises, for what brings its own. */
  readonly severity?: Severity;
  /** What else people should read in the alert. */
  readonly about?: string;
}

/** As much of an incident's change as alerting needs. */
export interface IncidentNews {
  readonly change: "opened" | "extended" | "escalated" | "closed";
  /** End of the window that brought the change. */
  readonly atMs: number;
  readonly incident: {
    readonly model: string;
    readonly version: string;
    readonly variant: string;
    readonly cause: "drift" | "data_quality";
    readonly severity: "warning" | "critical";
    readonly columns: readonly { readonly column: string }[];
  };
}

const COLUMNS_TOLD = 10;

/** An incident's changes as observations. The latest of several at one moment counts. */
export function observeIncidents(news: readonly IncidentNews[]): Observation[] {
  const latest = new Map<string, Observation>();
  for (const { change, atMs, incident } of news) {
    const { model, version, variant, cause, severity, columns } = incident;
    const names = columns.map(({ column }) => column);
    const more = names.length - COLUMNS_TOLD;
    const isOpen = change !== "closed";
    latest.set(JSON.stringify([model, version, variant, cause, atMs]), {
      model,
      version,
      variant,
      metric: `${cause}.incident`,
      value: !isOpen ? 0 : severity === "critical" ? 2 : 1,
      windowStart: atMs, // a moment, so that all changes are of one series
      windowEnd: atMs,
      ...(isOpen ? { severity } : {}),
      about: `columns ${names.slice(0, COLUMNS_TOLD).join(", ")}${more > 0 ? ` and ${more} more` : ""}`,
    });
  }
  return [...latest.values()];
}
