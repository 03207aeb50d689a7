/** A drift report as the engine answers it, small and with every kind of column, names and values to beware of among them. */
import type { DriftAnswer, DriftColumn, IncidentJson } from "../../engine/monitor/drift/drift-answer.ts";
import { parseDriftSettings } from "../../engine/monitor/drift/drift-settings.ts";
import type { DriftView } from "../../engine/report/drift-view.ts";

/** Ends a string, a tag and an attribute, colours a terminal, and turns the direction of text. */
export const HOSTILE = `</title><script>alert("1")</script>'&\u001b[31m\u202e`;

const QUIET: Omit<DriftColumn, "feature" | "type" | "bins"> = {
  role: "input",
  rows: 2000,
  psi: 0.012,
  psi_corrected: 0.002,
  p_value: 0.4,
  ks: null,
  jensen_shannon: 0.02,
  kl: 0.001,
  wasserstein: null,
  chi_square: { statistic: 4.2, freedom: 3, p_value: 0.24 },
  null_rate: { reference: 0, current: 0, p_value: 1 },
  unseen_rate: null,
  out_of_range_rate: null,
  verdict: "none",
  is_critical: false,
  p_adjusted: 0.3,
  problems: [],
};

const COLUMNS: readonly DriftColumn[] = [
  {
    ...QUIET,
    feature: "hour",
    type: "number",
    ks: { low: 0.018, high: 0.018, p_value: 0.9 },
    // a heavy 0, whose lower edge is the float32 before it
    bins: {
      edges: [-1.401298464324817e-45, 0, 12, 23],
      reference: [0, 0.25, 0.5, 0.25, 0, 0],
      current: [0, 0.25, 0.5, 0.25, 0, 0],
    },
  },
  {
    ...QUIET,
    feature: "amount",
    type: "number",
    psi: 0.284,
    psi_corrected: 0.274,
    ks: { low: 0.196, high: 0.245, p_value: 1e-9 },
    wasserstein: { low: 10, estimate: 21.5, high: 30, normalized: 0.45 },
    out_of_range_rate: { reference: 0, current: 0.01, p_value: 0.001 },
    verdict: "drift",
    is_critical: true,
    p_adjusted: 1.23e-8,
    bins: {
      edges: [0.5, 10, 50, 1_250_000],
      reference: [0, 0.4, 0.3, 0.3, 0, 0],
      current: [0, 0.1, 0.3, 0.59, 0.01, 0],
    },
  },
  {
    ...QUIET,
    feature: "distance_km",
    type: "number",
    psi_corrected: 2.17,
    ks: { low: 0.029, high: 0.079, p_value: 0.1 },
    null_rate: { reference: 0, current: 0.304, p_value: 0 },
    verdict: "data_quality",
    p_adjusted: null,
    problems: [{ kind: "null_spike", rate: 0.304, reference_rate: 0 }],
    bins: { edges: [0, 1, 2], reference: [0, 0.5, 0.5, 0, 0], current: [0, 0.346, 0.35, 0, 0.304] },
  },
  {
    ...QUIET,
    feature: HOSTILE,
    type: "category",
    psi_corrected: 0.09,
    unseen_rate: { reference: 0, current: 0.05, p_value: 0 },
    verdict: "drift",
    bins: { values: [HOSTILE, ""], reference: [0.7, 0.3, 0, 0], current: [0.6, 0.35, 0.05, 0] },
  },
  {
    ...QUIET,
    feature: "predicted_class",
    role: "output",
    type: "category",
    psi: null,
    psi_corrected: null,
    p_adjusted: null,
    verdict: "insufficient",
    bins: { values: ["legitimate", "fraud"], reference: [0.9, 0.1, 0, 0], current: [0.9, 0.1, 0, 0] },
  },
];

const INCIDENT: IncidentJson = {
  incident_id: "01a1fbfd-0000-7000-8000-000000000001",
  model_name: "card-fraud",
  model_version: "1.0.0",
  variant: null,
  cause: "drift",
  severity: "critical",
  reference_id: "ab".repeat(32),
  first_window: "2026-11-21T08:00:00.000Z",
  opened_at: "2026-11-21T11:00:00.000Z",
  columns: [
    {
      column: "amount",
      since: "2026-11-21T08:00:00.000Z",
      joined_at: "2026-11-21T11:00:00.000Z",
      psi_max: 0.31,
      problems: [],
    },
  ],
};

const ANSWER: DriftAnswer = {
  model_name: "card-fraud",
  model_version: "1.0.0",
  reference_id: "ab".repeat(32),
  compared_with: "reference",
  problems: [],
  from: "2026-11-20T12:00:00.000Z",
  to: "2026-11-21T12:00:00.000Z",
  rows: 2000,
  reference_rows: 5000,
  verdict: "data_quality",
  columns: COLUMNS,
};

export function driftView(
  change: Partial<DriftAnswer> = {},
  incidents: readonly IncidentJson[] = [INCIDENT],
): DriftView {
  return { answer: { ...ANSWER, ...change }, incidents, settings: parseDriftSettings({}) };
}
