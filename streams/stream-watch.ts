/**
 * Watches a stream from now on, for people and programs that look on: every message that is stored from the moment
 * startStreamWatch resolved, in order. Nothing is acknowledged and nothing kept: who stops and starts again has missed what came
 * between.
 *
 * A connection that is lost and comes back goes on where it was, as far as the stream still has it; a watch that fails begins
 * again, from then on. Bound: MESSAGES_MAX messages asked for; the next is handed on when `onMessage` is done with one.
 */
import { setTimeout as delay } from "node:timers/promises";
import { DeliverPolicy, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import { messageOf } from "../engine/core/errors.ts";
import type { Logger } from "../engine/core/log.ts";

const MESSAGES_MAX = 32;
const RETRY_MS = 1_000;

export interface StreamWatchOptions {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly stream: string;
  readonly onMessage: (subject: string, data: Uint8Array) => Promise<void>;
  readonly logger: Pick<Logger, "warn">;
}

export interface StreamWatch {
  stop(): Promise<void>;
}

/** @throws whatever NATS answers when the stream cannot be read. */
export async function startStreamWatch(options: StreamWatchOptions): Promise<StreamWatch> {
  const stopping = new AbortController();
  let opened = await open(options);
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        for await (const { subject, data } of opened.messages) await options.onMessage(subject, data);
        if (!stopping.signal.aborted) throw new Error("the consumer ended");
      } catch (error) {
        options.logger.warn(
          { err: messageOf(error), stream: options.stream },
          "a watched stream is lost, trying again",
        );
        await delay(RETRY_MS, undefined, stopping).catch(() => undefined);
        if (!stopping.signal.aborted) opened = await open(options).catch(() => opened); // which ends at once
      }
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      opened.messages.stop();
      await running;
      await opened.consumer.delete().catch(() => false); // it goes by itself when nobody asks it
    },
  };
}

async function open({ client, manager, stream }: StreamWatchOptions) {
  const { state } = await manager.streams.info(stream);
  const consumer = await client.consumers.get(stream, {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: state.last_seq + 1,
  });
  return { consumer, messages: await consumer.consume({ max_messages: MESSAGES_MAX }) };
}
