/**
 * HTTP by hand over a raw socket, for requests that no client library would send.
 */
import { connect, type Socket } from "node:net";
import { eventually } from "./eventually.ts";

export interface RawConnection extends Disposable {
  readonly socket: Socket;
  /** All that has come back so far. */
  received(): string;
  /** True once the other side has closed. */
  isClosed(): boolean;
}

export async function openRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = "";
  let isClosed = false;
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
  });
  socket.on("close", () => {
    isClosed = true;
  });
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve));
  return {
    socket,
    received: () => received,
    isClosed: () => isClosed,
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** Sends `text` and returns the first whole answer: its head and its body of content-length bytes. */
export async function exchangeRaw(url: string, text: string): Promise<{ head: string; body: string }> {
  using connection = await openRaw(url);
  connection.socket.write(text);
  return await eventually("a whole answer", () => wholeAnswer(connection.received()));
}

function wholeAnswer(received: string): { head: string; body: string } | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = received.slice(0, end);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
  const body = received.slice(end + 4);
  return body.length < length ? undefined : { head, body: body.slice(0, length) };
}
