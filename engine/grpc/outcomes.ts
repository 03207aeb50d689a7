/**
 * Counts what becomes of gRPC requests, and says errors as gRPC does.
 */
import { status } from "@grpc/grpc-js";
import type { EngineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Counter, Metrics } from "../core/metrics.ts";
import { grpcStatusOf } from "./grpc-status.ts";

/** Percent-encoded they are up to nine times as long, and clients take headers of 8 KiB. */
const DETAILS_LENGTH_MAX = 500;

export interface Refusal {
  readonly code: status;
  readonly details: string;
}

export class Outcomes {
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #responses = new Map<status, Counter>();

  constructor(metrics: Metrics, logger: Logger) {
    this.#metrics = metrics;
    this.#logger = logger;
  }

  answered(): void {
    this.#count(status.OK);
  }

  /** The caller has gone, or its deadline has passed. */
  cancelled(): void {
    this.#count(status.CANCELLED);
  }

  /** What the caller is told. */
  failed(error: EngineError): Refusal {
    const { code, meaning, message, cause } = error;
    const refusal = { code: grpcStatusOf(error), details: headerText(message) };
    this.#count(refusal.code);
    this.#metrics.counter("engine_errors_total", "Requests refused or failed, by code.", { code }).add(1);
    this.#logger[meaning.level]({ code, err: cause ?? message }, "request failed");
    return refusal;
  }

  #count(code: status): void {
    let counter = this.#responses.get(code);
    if (counter === undefined) {
      counter = this.#metrics.counter("engine_grpc_responses_total", "gRPC responses by status.", {
        status: status[code],
      });
      this.#responses.set(code, counter);
    }
    counter.add(1);
  }
}

/** A message that a header can bear: of bounded length, and without half characters, which cannot be encoded. */
function headerText(message: string): string {
  return message.slice(0, DETAILS_LENGTH_MAX).replaceAll(/\p{Surrogate}/gu, "\ufffd");
}
