/**
 * Labels of a request on their way into the stream: all of them or an error, a group at a time.
 *
 * Bound: LABELS_IN_FLIGHT_MAX over all requests; over it 429.
 */
import { randomUUID } from "node:crypto";
import { EngineError } from "../core/errors.ts";
import type { LabelBody } from "../core/label.ts";

const LABELS_IN_FLIGHT_MAX = 100_000;
const GROUP_LABELS = 1_000;

export interface LabelMessage {
  /** Under which the stream drops repeats. */
  readonly id: string;
  readonly payload: string;
}

export interface LabelPublisherOptions {
  /** Resolves when the stream has all. @throws EngineError SERVICE_UNAVAILABLE; some may be stored. */
  readonly publish: (model: string, messages: readonly LabelMessage[]) => Promise<void>;
}

export class LabelPublisher {
  readonly #options: LabelPublisherOptions;
  #inFlight = 0;

  constructor(options: LabelPublisherOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the stream has acknowledged every label.
   * @throws EngineError QUEUE_FULL, SERVICE_UNAVAILABLE: then some may be stored, and sending all again does no harm.
   */
  async publish(model: string, labels: readonly LabelBody[]): Promise<void> {
    if (this.#inFlight + labels.length > LABELS_IN_FLIGHT_MAX)
      throw new EngineError("QUEUE_FULL", "labels are waiting up to the limit; try again later");
    this.#inFlight += labels.length;
    try {
      const request = randomUUID();
      for (let start = 0; start < labels.length; start += GROUP_LABELS) {
        const group = labels.slice(start, start + GROUP_LABELS);
        await this.#options.publish(
          model,
          group.map((label, index) => ({
            id: `${request}-${start + index}`, // of this request's attempts: what comes again is for the sink to know
            payload: JSON.stringify(label),
          })),
        );
      }
    } finally {
      this.#inFlight -= labels.length;
    }
  }
}
