/** What a stream holds, message by message. */
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

export interface StreamMessage {
  readonly subject: string;
  readonly body: Record<string, unknown>;
}

/** Bodies of all messages of a stream, with their subjects, and how many there ever were. */
export async function messagesOf(
  natsUrl: string,
  stream: string,
): Promise<{ readonly ever: number; readonly messages: readonly StreamMessage[] }> {
  const nats = await connect({ servers: natsUrl, noAsyncTraces: true });
  const manager = await jetstreamManager(nats);
  const { state } = await manager.streams.info(stream);
  const messages: StreamMessage[] = [];
  for (let seq = state.first_seq; state.messages > 0 && seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(stream, { seq });
    if (message !== null) messages.push({ subject: message.subject, body: message.json() });
  }
  await nats.close();
  return { ever: state.last_seq, messages };
}
