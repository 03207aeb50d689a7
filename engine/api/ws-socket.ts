// hot path
/**
 * The sending side of one WebSocket: what is sent within one turn of the event loop goes out in one write, since each write is a call
 * of the operating system and a batch answers many messages at once. Nothing is sent after the connection has closed.
 */
import type { WebSocket } from "uWebSockets.js";
import type { Counter } from "../core/metrics.ts";
import type { Socket } from "../ws/connection.ts";

export class UwsSocket implements Socket {
  readonly #ws: Pick<WebSocket<unknown>, "send" | "end" | "cork" | "getBufferedAmount">;
  readonly #sent: Counter;
  readonly #onFlushed: () => void;
  #waiting: string[] = [];
  #waitingLength = 0;
  #isClosed = false;

  constructor(
    ws: Pick<WebSocket<unknown>, "send" | "end" | "cork" | "getBufferedAmount">,
    sent: Counter,
    onFlushed: () => void,
  ) {
    this.#ws = ws;
    this.#sent = sent;
    this.#onFlushed = onFlushed;
  }

  get bufferedBytes(): number {
    return this.#isClosed ? 0 : this.#waitingLength + this.#ws.getBufferedAmount();
  }

  send(text: string): void {
    if (this.#isClosed) return;
    this.#waitingLength += text.length;
    if (this.#waiting.push(text) === 1) queueMicrotask(() => this.#flush());
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#write();
    this.#ws.end(code, reason);
  }

  /** It has closed, whoever closed it. */
  closed(): void {
    this.#isClosed = true;
    this.#waiting = [];
  }

  #flush(): void {
    if (this.#isClosed) return;
    this.#write();
    this.#onFlushed();
  }

  #write(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#sent.add(waiting.length);
    this.#ws.cork(() => {
      for (const text of waiting) this.#ws.send(text);
    });
  }
}
