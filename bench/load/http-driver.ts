/**
 * HTTP/1.1 over kept connections and bare sockets, one request at a time on each: requests are bytes that were made before the clock
 * starts, and of an answer only the head is read. A connection that breaks is opened again for its next request.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Driver } from "./driver.ts";
import type { LoadJob } from "./job.ts";

const HEAD_END = "\r\n\r\n";
const CHUNKS_END = "0\r\n\r\n";

type Requests = Pick<LoadJob, "url" | "bodies" | "connections" | "encoding" | "headers">;

export async function openHttp({ url, bodies, connections, encoding, headers }: Requests): Promise<Driver> {
  const target = new URL(url);
  const requests = bodies.map((body) => requestOf(target, Buffer.from(body, encoding), headers));
  const all = await Promise.all(Array.from({ length: connections }, async () => Connection.open(target)));
  return {
    send: (slot, index, done) =>
      (all[slot] as Connection).send(requests[index % requests.length] as Buffer, done),
    close: async () => {
      for (const connection of all) connection.close();
    },
  };
}

function requestOf(
  { pathname, search, host }: URL,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const all = { host, "content-type": "application/json", "content-length": String(body.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`), body]);
}

class Connection {
  readonly #target: URL;
  #socket: Socket;
  #done: ((status: number) => void) | undefined;
  #head = "";
  #status = 0;
  /** Bytes of the answer that have not come; undefined while its head has not. */
  #due: number | undefined;
  #isChunked = false;
  #tail = "";

  private constructor(target: URL, socket: Socket) {
    this.#target = target;
    this.#socket = this.#watched(socket);
  }

  static async open(target: URL): Promise<Connection> {
    const socket = connect(Number(target.port), target.hostname);
    await once(socket, "connect");
    return new Connection(target, socket);
  }

  send(request: Buffer, done: (status: number) => void): void {
    if (this.#socket.destroyed)
      this.#socket = this.#watched(connect(Number(this.#target.port), this.#target.hostname));
    this.#done = done;
    this.#head = "";
    this.#due = undefined;
    this.#socket.write(request);
  }

  close(): void {
    this.#done = undefined;
    this.#socket.destroy();
  }

  #watched(socket: Socket): Socket {
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => this.#end(0));
    return socket;
  }

  #take(chunk: Buffer): void {
    if (this.#due === undefined) this.#readHead(chunk);
    else this.#readBody(chunk);
  }

  #readHead(chunk: Buffer): void {
    this.#head += chunk.toString("latin1");
    const end = this.#head.indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.#head.slice(0, end).toLowerCase();
    this.#status = Number(head.slice(9, 12));
    this.#isChunked = head.includes("transfer-encoding: chunked");
    const body = this.#head.slice(end + HEAD_END.length);
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    this.#due = Number(length ?? 0);
    this.#tail = "";
    this.#readBody(Buffer.from(body, "latin1"));
  }

  #readBody(chunk: Buffer): void {
    if (this.#isChunked) {
      this.#tail = (this.#tail + chunk.toString("latin1")).slice(-CHUNKS_END.length);
      if (this.#tail === CHUNKS_END) this.#end(this.#status);
      return;
    }
    this.#due = (this.#due ?? 0) - chunk.length;
    if (this.#due <= 0) this.#end(this.#status);
  }

  #end(status: number): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(status);
  }
}
