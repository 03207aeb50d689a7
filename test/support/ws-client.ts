/**
 * A WebSocket client over a raw socket (RFC 6455): it can stop reading, send broken frames and vanish, which clients made for use cannot.
 * What it receives is checked against the schema of the engine's messages.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type ServerMessage, serverMessage } from "../../engine/ws/messages.ts";
import { eventually } from "./eventually.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
export const TEXT = 1;
export const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** The answer to a request to upgrade that was refused. */
export class UpgradeRefused extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`${status} ${body}`);
    this.status = status;
    this.body = body;
  }
}

export class WsClient implements Disposable {
  readonly socket: Socket;
  /** Everything received, in order. */
  readonly messages: ServerMessage[] = [];
  /** Of the close frame; 1006 when the connection ended without one. */
  closeCode: number | undefined;
  closeReason = "";
  pings = 0;
  onMessage: (message: ServerMessage) => void = () => undefined;
  #bytes = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Connects and waits for the answer to the upgrade. @throws UpgradeRefused */
  static async open(httpUrl: string, headers: Readonly<Record<string, string>> = {}): Promise<WsClient> {
    const { hostname, port, host } = new URL(httpUrl);
    const socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    const key = randomBytes(16).toString("base64");
    const lines = {
      host,
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-key": key,
      "sec-websocket-version": "13",
      ...headers,
    };
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET /ws HTTP/1.1\r\n${head.join("")}\r\n`);
    const client = new WsClient(socket);
    await client.#untilUpgraded(createHash("sha1").update(`${key}${GUID}`).digest("base64"));
    return client;
  }

  send(message: unknown): void {
    this.sendFrame(TEXT, Buffer.from(typeof message === "string" ? message : JSON.stringify(message)));
  }

  /** One masked frame. */
  sendFrame(opcode: number, payload: Buffer): void {
    this.socket.write(frameOf(opcode, payload));
  }

  /** The messages of a type so far. */
  of<T extends ServerMessage["type"]>(type: T): Extract<ServerMessage, { type: T }>[] {
    return this.messages.filter(
      (message): message is Extract<ServerMessage, { type: T }> => message.type === type,
    );
  }

  /** The answer to the message with this id. */
  async answerTo(id: string | null, timeoutMs = 5_000): Promise<ServerMessage> {
    return eventually(
      `an answer to ${id}`,
      () =>
        this.messages.find(
          (message) =>
            "id" in message &&
            message.id === id &&
            message.type !== "observed" &&
            message.type !== "event" &&
            message.type !== "dropped",
        ),
      timeoutMs,
    );
  }

  async closed(timeoutMs = 5_000): Promise<number> {
    return eventually("the connection is closed", () => this.closeCode, timeoutMs);
  }

  /** Closes as a client should. */
  close(): void {
    const code = Buffer.alloc(2);
    code.writeUInt16BE(1000);
    this.sendFrame(CLOSE, code);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  async #untilUpgraded(accept: string): Promise<void> {
    let head: string | undefined;
    this.socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      if (head?.startsWith("HTTP/1.1 101") === true) return this.#readFrames();
      const end = this.#bytes.indexOf("\r\n\r\n");
      if (end < 0 || head !== undefined) return;
      head = this.#bytes.toString("latin1", 0, end);
      this.#bytes = this.#bytes.subarray(end + 4);
      if (head.startsWith("HTTP/1.1 101")) this.#readFrames();
    });
    this.socket.on("close", () => {
      this.closeCode ??= 1006;
    });
    await eventually("the upgrade is answered", () => head !== undefined || this.closeCode !== undefined);
    const status = Number(head?.split(" ")[1]);
    if (status !== 101) {
      const length = Number(/^content-length: (\d+)/im.exec(head ?? "")?.[1] ?? 0);
      await eventually("its body is there", () => this.#bytes.length >= length);
      this.socket.destroy();
      throw new UpgradeRefused(status, this.#bytes.toString("utf8"));
    }
    assert.match(head ?? "", new RegExp(`sec-websocket-accept: ${accept.replaceAll(/[+/]/g, ".")}`, "i"));
  }

  #readFrames(): void {
    for (;;) {
      const bytes = this.#bytes;
      if (bytes.length < 2) return;
      const short = (bytes[1] as number) & 0x7f;
      const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (bytes.length < headBytes) return;
      const length =
        short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
      if (bytes.length < headBytes + length) return;
      this.#bytes = bytes.subarray(headBytes + length);
      this.#take((bytes[0] as number) & 15, bytes.subarray(headBytes, headBytes + length));
    }
  }

  #take(opcode: number, payload: Buffer): void {
    if (opcode === PING) {
      this.pings++;
      this.sendFrame(PONG, payload);
    } else if (opcode === CLOSE) {
      this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.closeReason = payload.toString("utf8", 2);
      this.sendFrame(CLOSE, payload.subarray(0, 2));
      this.socket.end();
    } else {
      assert.equal(opcode, TEXT);
      const message = serverMessage.parse(JSON.parse(payload.toString("utf8")));
      this.messages.push(message);
      this.onMessage(message);
    }
  }
}

export function frameOf(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  const mask = randomBytes(4);
  const masked = Buffer.from(payload);
  for (let index = 0; index < length; index++)
    masked[index] = (masked[index] as number) ^ (mask[index % 4] as number);
  return Buffer.concat([head, mask, masked]);
}
