/**
 * Counts of the requests that a data plane refused or failed, per minute, model version, entrance and code, until they are
 * reported. Answered ones are in the log; these are nowhere else.
 *
 *     predict (refused) · feature-stage · dispatcher (failed)  → count → take → error-reporter → `request_errors`
 *
 * Nothing is done for a request that succeeds. Bound: REPORT_COUNTS_MAX; what is more is counted under no model. Names
 * come from models that are known, never from a caller's text.
 */
import { randomUUID } from "node:crypto";
import type { ErrorCode } from "./core/errors.ts";
import type { Source } from "./core/prediction.ts";
import {
  REPORT_COUNTS_MAX,
  type RequestErrorCount,
  type RequestErrorReport,
} from "./core/request-error-report.ts";

const MINUTE_S = 60;

export interface CountErrors {
  /** @param model undefined when the request did not get to a known one. */
  count(model: CountedModel | undefined, source: Source, code: ErrorCode, rows?: number): void;
}

interface CountedModel {
  readonly name: string;
  readonly version: string;
}

type Counted = { -readonly [Key in keyof RequestErrorCount]: RequestErrorCount[Key] };

export class RequestErrors implements CountErrors {
  readonly #nowMs: () => number;
  #counts = new Map<string, Counted>();

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  count(model: CountedModel | undefined, source: Source, code: ErrorCode, rows = 1): void {
    const minute = Math.floor(this.#nowMs() / 1000 / MINUTE_S) * MINUTE_S;
    const own = { minute, model_name: model?.name ?? "", model_version: model?.version ?? "", source, code };
    if (this.#add(own, rows, REPORT_COUNTS_MAX)) return;
    this.#add({ ...own, model_name: "", model_version: "" }, rows, 2 * REPORT_COUNTS_MAX);
  }

  /** All counts since the last call, under an id of their own; undefined when there are none. */
  take(): RequestErrorReport | undefined {
    if (this.#counts.size === 0) return undefined;
    const counts = [...this.#counts.values()];
    this.#counts = new Map();
    return { report_id: randomUUID(), counts };
  }

  #add(key: Omit<Counted, "count">, rows: number, countsMax: number): boolean {
    const text = Object.values(key).join(" ");
    const counted = this.#counts.get(text);
    if (counted !== undefined) {
      counted.count += rows;
      return true;
    }
    if (this.#counts.size >= countsMax) return false;
    this.#counts.set(text, { ...key, count: rows });
    return true;
  }
}
