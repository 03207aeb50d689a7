/**
 * The one error of the engine and the one table that says what each code means.
 *
 * Every transport reads ERRORS: HTTP takes `status`, NATS services the same number as their error code,
 * streams take `retry` (later → nak with delay, never → dead letter), the log takes `level`.
 */

/** One thing wrong with one field of a request, in words that say how to mend it. */
export interface ErrorDetail {
  readonly field: string;
  readonly message: string;
}

interface ErrorMeaning {
  /** HTTP status, and the error code of a NATS service reply. */
  readonly status: number;
  /** Whether the same request may succeed later. */
  readonly retry: "never" | "later";
  readonly level: "debug" | "warn" | "error";
}

export const ERRORS = {
  INVALID_JSON: { status: 400, retry: "never", level: "debug" },
  INVALID_REQUEST: { status: 400, retry: "never", level: "debug" },
  INVALID_FEATURES: { status: 400, retry: "never", level: "debug" },
  FORBIDDEN: { status: 403, retry: "never", level: "debug" },
  MODEL_NOT_FOUND: { status: 404, retry: "never", level: "debug" },
  REFERENCE_NOT_FOUND: { status: 404, retry: "never", level: "debug" },
  ROUTE_NOT_FOUND: { status: 404, retry: "never", level: "debug" },
  METHOD_NOT_ALLOWED: { status: 405, retry: "never", level: "debug" },
  CONFLICT: { status: 409, retry: "never", level: "debug" },
  PAYLOAD_TOO_LARGE: { status: 413, retry: "never", level: "debug" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retry: "never", level: "debug" },
  MODEL_INVALID: { status: 422, retry: "never", level: "warn" },
  MODEL_UNTRUSTED: { status: 422, retry: "never", level: "warn" },
  FEATURE_SET_NOT_FOUND: { status: 404, retry: "never", level: "debug" },
  FEATURE_SET_INVALID: { status: 422, retry: "never", level: "warn" },
  ALERT_NOT_FOUND: { status: 404, retry: "never", level: "debug" },
  ALERT_RULE_NOT_FOUND: { status: 404, retry: "never", level: "debug" },
  ALERT_RULE_INVALID: { status: 422, retry: "never", level: "debug" },
  SILENCE_NOT_FOUND: { status: 404, retry: "never", level: "debug" },
  JOB_NOT_FOUND: { status: 404, retry: "never", level: "debug" },
  SLO_NOT_FOUND: { status: 404, retry: "never", level: "debug" },
  BUSY: { status: 429, retry: "later", level: "debug" },
  QUEUE_FULL: { status: 429, retry: "later", level: "debug" },
  INTERNAL: { status: 500, retry: "later", level: "error" },
  INFERENCE_FAILED: { status: 500, retry: "never", level: "error" },
  UNSUPPORTED: { status: 501, retry: "never", level: "debug" },
  TRAINING_FAILED: { status: 500, retry: "never", level: "warn" },
  WORKER_FAILED: { status: 503, retry: "later", level: "error" },
  NOT_READY: { status: 503, retry: "later", level: "warn" },
  LOG_UNAVAILABLE: { status: 503, retry: "later", level: "warn" },
  SHUTTING_DOWN: { status: 503, retry: "later", level: "debug" },
  SERVICE_UNAVAILABLE: { status: 503, retry: "later", level: "warn" },
  DEADLINE_EXCEEDED: { status: 504, retry: "never", level: "debug" },
} as const satisfies Record<string, ErrorMeaning>;

export type ErrorCode = keyof typeof ERRORS;

/** The JSON body of every error on every transport. */
export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details: readonly ErrorDetail[];
  };
}

export interface EngineErrorOptions {
  readonly cause?: unknown;
  readonly details?: readonly ErrorDetail[];
}

export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: ErrorCode;
  readonly details: readonly ErrorDetail[];

  constructor(code: ErrorCode, message: string, options: EngineErrorOptions = {}) {
    const { stackTraceLimit } = Error;
    // an overloaded engine refuses thousands a second: where in the code they were refused says nothing, and costs as much as a prediction
    if (ERRORS[code].level === "debug") Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.details = options.details ?? [];
  }

  get meaning(): ErrorMeaning {
    return ERRORS[this.code];
  }

  toBody(): ErrorBody {
    return { error: { code: this.code, message: this.message, details: this.details } };
  }
}

/** Passes an EngineError through and wraps anything else as INTERNAL, keeping the cause for the log only. */
export function toEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  return new EngineError("INTERNAL", "internal error; the engine's log has the cause", { cause: error });
}

/** INVALID_REQUEST for one field, which the message says how to mend. */
export function fieldInvalid(field: string, message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `${field}: ${message}`, { details: [{ field, message }] });
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
