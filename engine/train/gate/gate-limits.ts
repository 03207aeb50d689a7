/**
 * A gate for models of one kind: which metric decides, and what was left to defaults that only the kind settles.
 */
import { EngineError } from "../../core/errors.ts";
import type { TrainingGate } from "../../core/training-gate.ts";
import type { TrainingTask } from "../../core/training-set.ts";
import { METRICS, type MetricName, metricsOf } from "../../monitor/performance/metric-table.ts";

type Kind = TrainingTask["kind"];

export interface GateLimits {
  readonly metric: MetricName;
  readonly margin: number;
  readonly limits: readonly { readonly metric: MetricName; readonly worst: number }[];
  readonly dropMax: number;
  readonly calibration: { readonly metric: MetricName; readonly margin: number } | undefined;
}

/** A metric of every model of the kind whose unit is the same everywhere. */
const METRIC = { binary: "roc_auc", multiclass: "roc_auc_ovr_macro", regression: "r2" } as const;
/** What predictions without any skill have. */
const WITHOUT_SKILL = { roc_auc: 0.5, roc_auc_ovr_macro: 0.5, r2: 0 } as const;
/** A third of the drop for which a model is retrained unless told (retrain-policy). */
const MARGIN = 0.01;
const DROP_MARGINS = 5;
const CALIBRATION = { metric: "expected_calibration_error", margin: 0.02 } as const;

/** @throws EngineError INVALID_REQUEST for a metric that such models do not have, or whose margin has to be given. */
export function resolveGate(gate: TrainingGate, kind: Kind): GateLimits {
  const metric = gate.metric === undefined ? METRIC[kind] : metricFor(gate.metric, kind, "metric");
  const margin = gate.margin ?? defaultMargin(metric);
  const chosen = gate.limits ?? { [METRIC[kind]]: WITHOUT_SKILL[METRIC[kind]] };
  const calibration = gate.calibration ?? (kind === "binary" ? CALIBRATION : undefined);
  return {
    metric,
    margin,
    limits: Object.entries(chosen).map(([name, worst]) => ({
      metric: metricFor(name, kind, `limits.${name}`),
      worst,
    })),
    dropMax: gate.slices.drop_max ?? DROP_MARGINS * margin,
    calibration: calibration && {
      metric: metricFor(calibration.metric, kind, "calibration.metric"),
      margin: calibration.margin,
    },
  };
}

function metricFor(name: string, kind: Kind, field: string): MetricName {
  const known = metricsOf(kind);
  const found = known.find((metric) => metric === name);
  if (found !== undefined) return found;
  throw refused(field, `${name} is no metric of ${kind} models, which have ${known.join(", ")}`);
}

function defaultMargin(metric: MetricName): number {
  if (METRICS[metric].high !== null) return MARGIN;
  throw refused("margin", `must be given: ${metric} has a unit of its own, in which no default fits`);
}

function refused(field: string, message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `gate: ${field}: ${message}`, { details: [{ field, message }] });
}
