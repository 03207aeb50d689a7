/**
 * HTTP over one kept connection, one request after the other, over a bare socket: what a client costs is next to nothing,
 * so what is measured is the server. It knows answers with a content-length only.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const HEAD_END = Buffer.from("\r\n\r\n");

export class OneConnection {
  readonly #socket: Socket;
  readonly #host: string;
  #received: Buffer[] = [];
  /** Bytes of the whole answer, once its head is there. */
  #due = Number.POSITIVE_INFINITY;
  #bytes = 0;
  #bodyAt = 0;
  #settle: { resolve: (body: string) => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#settle?.reject(error));
    socket.on("close", () => this.#settle?.reject(new Error("the server closed the connection")));
  }

  static async open(url: string): Promise<OneConnection> {
    const { hostname, port, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return new OneConnection(socket, host);
  }

  /** The body of the answer. @throws Error when it is not 200. */
  async post(path: string, body: string): Promise<string> {
    const head = `POST ${path} HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-type: application/json\r\n`;
    return this.#send(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  async get(path: string): Promise<string> {
    return this.#send(`GET ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n\r\n`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(request: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error("the server closed the connection"));
      this.#settle = { resolve, reject };
      this.#socket.write(request);
    });
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#bytes += chunk.length;
    if (this.#due === Number.POSITIVE_INFINITY) this.#readHead();
    if (this.#bytes < this.#due) return;
    const answer = this.#received.length === 1 ? chunk : Buffer.concat(this.#received);
    const body = answer.toString("utf8", this.#bodyAt);
    const settle = this.#settle;
    this.#received = [];
    this.#bytes = 0;
    this.#due = Number.POSITIVE_INFINITY;
    this.#settle = undefined;
    if (answer.toString("latin1", 9, 12) === "200") settle?.resolve(body);
    else settle?.reject(new Error(`answered ${answer.toString("latin1", 9, 12)}: ${body.slice(0, 300)}`));
  }

  #readHead(): void {
    const all = this.#received.length === 1 ? (this.#received[0] as Buffer) : Buffer.concat(this.#received);
    const end = all.indexOf(HEAD_END);
    if (end < 0) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(all.toString("latin1", 0, end))?.[1];
    this.#bodyAt = end + HEAD_END.length;
    this.#due = this.#bodyAt + Number(length ?? 0);
  }
}
