/**
 * Dead letters: messages of a stream that are given up on, kept in `<prefix>.dead.<stream>` with the reason.
 *
 * One can always be stored, or its stream would never get past it: data that does not fit into a message beside the
 * headers is cut off, and the header Millrace-Truncated says how many bytes there were.
 */
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { headerText } from "./header-text.ts";
import { ID_HEADER_BYTES, type Publisher } from "./publisher.ts";
import type { Topology } from "./topology.ts";

const TIMEOUT_MS = 10_000;

export interface DeadLetter {
  /** The stream that the message was in. */
  readonly stream: string;
  /** Under which a second storing of the same letter is dropped. */
  readonly id: string;
  readonly data: Uint8Array;
  readonly reason: string;
  /** What else to say of it, as headers. */
  readonly about?: Readonly<Record<string, string>>;
}

/**
 * Resolves when the letter is stored.
 * @throws EngineError SERVICE_UNAVAILABLE when it could not be stored in time.
 */
export async function storeDeadLetter(
  { stream, id, data, reason, about = {} }: DeadLetter,
  publisher: Publisher,
  topology: Topology,
): Promise<void> {
  const head = headers();
  head.set("Millrace-Reason", headerText(reason));
  for (const [name, value] of Object.entries(about)) head.set(name, value);
  const payload = fitting(data, head, publisher.payloadBytesMax);
  await publisher.publish(
    { subject: topology.deadSubject(stream), id, payload, headers: head },
    { timeoutMs: TIMEOUT_MS },
  );
}

/** As much of the data as fits; all of it, nearly always. */
function fitting(data: Uint8Array, head: MsgHdrs, bytesMax: number): Uint8Array {
  if (bytesOf(head) + data.length <= bytesMax) return data;
  head.set("Millrace-Truncated", String(data.length));
  return data.subarray(0, Math.max(0, bytesMax - bytesOf(head)));
}

/** Bytes of the headers on the wire, with room for the message's id. */
function bytesOf(head: MsgHdrs): number {
  let bytes = ID_HEADER_BYTES;
  for (const [name, values] of head)
    for (const value of values) bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + ": \r\n".length;
  return bytes;
}
