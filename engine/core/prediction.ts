/**
 * What goes over the wire: a prediction request, and the prediction that answers it, the same over REST, NATS
 * and streams. Field names are those of the JSON.
 */

/** Where a request came in; a column of the prediction log. */
export const SOURCES = ["http", "nats", "stream", "batch"] as const;
export type Source = (typeof SOURCES)[number];

/** The numbers by which the log and ClickHouse's Enum8 know the sources: one more than the index. */
export function sourceCode(source: Source): number {
  return SOURCES.indexOf(source) + 1;
}

export interface Prediction {
  /** UUID. For a stream request it follows from the request, so that a redelivered one has the same. */
  readonly prediction_id: string;
  readonly request_id: string;
  readonly model_name: string;
  readonly model_version: string;
  /** What the version is beside others in production: `canary`; absent for the champion. */
  readonly variant?: string;
  readonly entity_id?: string;
  /** Regression: the value. Two classes: probability of the last one. More: the highest probability. */
  readonly predicted_value: number;
  readonly predicted_class?: string;
  /** In the order of the manifest's classes. */
  readonly probabilities?: readonly number[];
  /** Probability of the predicted class. */
  readonly confidence?: number;
  /** Features whose default was served because the store had no value, an old one, or did not answer. */
  readonly feature_status?: Readonly<Record<string, "missing" | "stale" | "invalid" | "unavailable">>;
  /** From the request's arrival to the end of inference, ms. */
  readonly latency_ms: number;
  /** ISO 8601, UTC, ms: when the prediction was made. */
  readonly prediction_date: string;
}
