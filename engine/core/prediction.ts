/**
 * What goes over the wire: a prediction request, and the prediction that answers it, the same over REST, NATS
 * and streams. Field names are those of the JSON.
 */

/** Where a request came in; a column of the prediction log. New ones go to the end, with a migration (source-columns). */
export const SOURCES = ["http", "nats", "stream", "batch", "ws", "grpc"] as const;
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
  /** With `explain`: the features that contribute most, first; `value` as a request gives it. */
  readonly top_features?: readonly {
    readonly name: string;
    readonly value: string | number | boolean | null;
    readonly contribution: number;
  }[];
  /** What would be predicted if no feature were known: it and all contributions add up to what is explained. */
  readonly base_value?: number;
  /**
   * What contributions are counted in: log odds (of two classes) or the class's score before softmax; the probability; the value. Of
   * two classes it is the last that is explained, of more the predicted one.
   */
  readonly contribution_unit?: "margin" | "probability" | "value";
  /** Why there is no explanation; the prediction is as good as any. */
  readonly explanation_error?: { readonly code: string; readonly message: string };
  /** From the request's arrival to the end of inference, ms. */
  readonly latency_ms: number;
  /** ISO 8601, UTC, ms: when the prediction was made. */
  readonly prediction_date: string;
}
