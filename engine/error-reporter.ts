/**
 * Reports a data plane's counts of failed requests every few seconds. A report whose acknowledgement does not come is
 * published again, the same under the same id, before anything new is: so each count arrives once. What a process that is
 * killed has counted since its last report is lost.
 * Bound: one report waits, and the counts behind it.
 */
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import type { RequestErrorReport } from "./core/request-error-report.ts";
import type { RequestErrors } from "./request-errors.ts";

const REPORT_MS = 5_000;

export interface ErrorReporterOptions {
  readonly errors: Pick<RequestErrors, "take">;
  /** Resolves once the stream has the message; drops one whose id it has seen. */
  readonly publish: (id: string, payload: string) => Promise<void>;
  readonly logger: Logger;
}

export class ErrorReporter {
  readonly #options: ErrorReporterOptions;
  readonly #timer: NodeJS.Timeout;
  #unsent: RequestErrorReport | undefined;
  #sending: Promise<void> | undefined;

  constructor(options: ErrorReporterOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.report(), REPORT_MS).unref();
  }

  /** Publishes what there is, unless that is under way. Never throws: what fails is tried again at the next call. */
  async report(): Promise<void> {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
    await this.#sending;
  }

  /** Reports what is left and ends. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sending;
    await this.report();
  }

  async #send(): Promise<void> {
    const { errors, publish, logger } = this.#options;
    this.#unsent ??= errors.take();
    if (this.#unsent === undefined) return;
    try {
      await publish(this.#unsent.report_id, JSON.stringify(this.#unsent));
      this.#unsent = undefined;
    } catch (error) {
      logger.warn({ err: messageOf(error) }, "counts of failed requests could not be reported, trying again");
    }
  }
}
