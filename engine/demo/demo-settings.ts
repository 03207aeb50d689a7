/**
 * How the demo has the sample's model watched and retrained: nothing but what anybody may set over REST, in minutes instead of days.
 */
import type { CallEngine } from "./payment-traffic.ts";

export const WINDOW_MS = 60_000;

/** One window of a minute is enough; limits of drift are the defaults. */
const MONITOR = {
  window: "1m",
  drift: { windows_needed: 1, windows_considered: 1, quiet_windows: 1 },
};

/** A critical incident of drift requests a job; no other within the hour. */
const policyOf = (model: string) => ({
  model_name: model,
  drift: { severity_min: "critical" },
  cooldown: "1h",
});

/**
 * What was served and labelled in the last minute, less the seconds in which labels are on their way. Judged on its latest rows by the
 * gate's defaults. At once, without a canary: here payments, engine and training share the same cores, whose stalls are no version's fault.
 */
const TRAINING = {
  model_type: "GRADIENT_BOOSTING",
  parameters: { n_estimators: 60, num_leaves: 15 },
  data: { source: "labelled", window: "1m", label_maturity: "5s" },
  validation: { method: "out_of_time" },
  deployment: { strategy: "direct" },
};

/** @throws EngineError as the engine answers. */
export async function applySettings(call: CallEngine, model: string): Promise<void> {
  await call("PUT", `/monitoring/${model}/settings`, MONITOR);
  await call("PUT", `/models/${model}/retrain-policy`, policyOf(model));
  await call("PUT", `/models/${model}/training`, TRAINING);
}
