/**
 * The work queue of retraining jobs, `<prefix>.retrain.<model>`, and the events that tell of them.
 *
 * A message of a work queue is gone once it is acknowledged, and its id is forgotten after the duplicate window: so a job is
 * published under the condition that nothing has come into the stream since its publisher looked (see job-outbox).
 */
import { JetStreamApiError, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import type { Publisher } from "./publisher.ts";
import type { Topology } from "./topology.ts";

const TIMEOUT_MS = 10_000;
/** Wrong last sequence, and the same while another's is being stored. */
const MOVED_CODES: readonly number[] = [10071, 10164];
const MESSAGE_ID = "Nats-Msg-Id";

export interface JobQueueParts {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly publisher: Pick<Publisher, "publish">;
  readonly topology: Topology;
}

export class JobQueue {
  readonly #parts: JobQueueParts;

  constructor(parts: JobQueueParts) {
    this.#parts = parts;
  }

  /** Sequence of the last message that ever came into the stream; 0 before the first. It never goes back. */
  async lastSeq(): Promise<number> {
    const { manager, topology } = this.#parts;
    return (await manager.streams.info(topology.retrainStream)).state.last_seq;
  }

  /** Whether the model's newest message in the stream is this job. */
  async holds(model: string, jobId: string): Promise<boolean> {
    const { manager, topology } = this.#parts;
    const last_by_subj = topology.retrainSubject(model);
    const message = await manager.streams.getMessage(topology.retrainStream, { last_by_subj });
    return message?.header.get(MESSAGE_ID) === jobId;
  }

  /**
   * Stores the job if `lastSeq` is still the stream's last sequence, or drops it as a repeat; `moved` if neither.
   * @throws whatever the stream answers else, or that it does not: then it may be stored.
   */
  async publish(model: string, jobId: string, text: string, lastSeq: number): Promise<"stored" | "moved"> {
    const { client, topology } = this.#parts;
    try {
      const expect = { lastSequence: lastSeq };
      await client.publish(topology.retrainSubject(model), text, { msgID: jobId, expect });
      return "stored";
    } catch (error) {
      if (error instanceof JetStreamApiError && MOVED_CODES.includes(error.code)) return "moved";
      throw error;
    }
  }

  /** @throws EngineError SERVICE_UNAVAILABLE. */
  async publishEvent(kind: string, id: string, body: unknown): Promise<void> {
    const { publisher, topology } = this.#parts;
    const subject = topology.eventsSubject(kind);
    await publisher.publish({ subject, id, payload: JSON.stringify(body) }, { timeoutMs: TIMEOUT_MS });
  }
}
