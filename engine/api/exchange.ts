// hot path
/**
 * One HTTP request and its answer, over uWebSockets.js.
 *
 * uWebSockets.js forgets the request when the handler returns and the response when the client goes: so `onAborted`
 * is set first, everything needed is copied at once, and nothing is written after an abort. An exchange is answered
 * at most once. Bound: the body, by `readBody`.
 */
import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import { EngineError, type ErrorCode, toEngineError } from "../core/errors.ts";

const STATUS_LINES: Readonly<Record<number, string>> = {
  200: "200 OK",
  201: "201 Created",
  202: "202 Accepted",
  400: "400 Bad Request",
  403: "403 Forbidden",
  404: "404 Not Found",
  405: "405 Method Not Allowed",
  409: "409 Conflict",
  413: "413 Payload Too Large",
  415: "415 Unsupported Media Type",
  422: "422 Unprocessable Content",
  429: "429 Too Many Requests",
  500: "500 Internal Server Error",
  501: "501 Not Implemented",
  503: "503 Service Unavailable",
  504: "504 Gateway Timeout",
};
const RETRY_AFTER_SECONDS = "1";

export interface ExchangeOwner {
  /** True while the server is stopping: answers then close their connection. */
  readonly isClosing: boolean;
  /** Called once per answered exchange. */
  onAnswered(status: number): void;
  /** Called instead when the client has gone before the answer. */
  onAborted(): void;
  onFailed(code: ErrorCode, error: EngineError): void;
}

export class Exchange {
  readonly #res: HttpResponse;
  readonly #owner: ExchangeOwner;
  #isOver = false;
  /** Of a part that waits for room. */
  #onGone: (() => void) | undefined;
  /** Value of x-request-id, or "". */
  readonly requestId: string;
  /** performance.now() at arrival. */
  readonly arrivedMs = performance.now();
  /** The JSON of its errors; the Open Inference Protocol has another. */
  toErrorBody: (error: EngineError) => unknown = ownErrorBody;

  constructor(res: HttpResponse, req: HttpRequest, owner: ExchangeOwner) {
    res.onAborted(() => {
      if (this.#isOver) return;
      this.#isOver = true;
      owner.onAborted();
      this.#onGone?.();
    });
    this.#res = res;
    this.#owner = owner;
    this.requestId = req.getHeader("x-request-id");
  }

  /** True once it is answered or the client has gone. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Hands the whole body to `use`, or answers 413. What `use` throws is answered.
   * The rest of a body that is too large is read and dropped: closing with bytes unread would reset the connection,
   * and the client would never see why.
   */
  readBody(bytesMax: number, use: (body: Buffer) => void): void {
    let earlier: Buffer[] | undefined;
    let length = 0;
    this.#res.onData((chunk, isLast) => {
      if (this.#isOver) return;
      length += chunk.byteLength;
      if (length > bytesMax) return this.#tooLarge(bytesMax);
      if (isLast && earlier === undefined) return this.guard(() => use(Buffer.from(chunk)));
      earlier ??= [];
      earlier.push(Buffer.from(chunk.slice(0)));
      if (isLast) this.guard(() => use(Buffer.concat(earlier as Buffer[])));
    });
  }

  /** Runs `work` and answers what it throws. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(toEngineError(error));
    }
  }

  /** Runs asynchronous `work` and answers what it throws. */
  guardAsync(work: () => Promise<void>): void {
    work().catch((error: unknown) => this.fail(toEngineError(error)));
  }

  /** 200 with a JSON text: the fast way. */
  sendJson(json: string): void {
    this.send(200, "application/json", json);
  }

  send(
    status: number,
    contentType: string,
    body: string | Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const res = this.#res;
    res.cork(() => {
      if (status !== 200) res.writeStatus(STATUS_LINES[status] ?? String(status));
      res.writeHeader("content-type", contentType);
      if (this.requestId !== "") res.writeHeader("x-request-id", this.requestId);
      for (const name in headers) res.writeHeader(name, headers[name] as string);
      res.end(body, this.#owner.isClosing);
    });
    this.#owner.onAnswered(status);
  }

  /**
   * Sends parts as they come, no faster than the client takes them. What goes wrong before the first part is an ordinary
   * answer; later the connection is cut, so that nobody takes what there is for the whole.
   */
  async sendParts(contentType: string, parts: AsyncIterator<string>): Promise<void> {
    let part = await parts.next();
    try {
      if (!this.#isOver) this.#res.cork(() => this.#writeHead(contentType));
      while (part.done !== true && !this.#isOver) {
        await this.#write(part.value);
        part = await parts.next();
      }
    } catch (error) {
      this.#cut(toEngineError(error));
    }
    await parts.return?.();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#res.cork(() => this.#res.end("", this.#owner.isClosing));
    this.#owner.onAnswered(200);
  }

  fail(error: EngineError, headers: Readonly<Record<string, string>> = {}): void {
    if (this.#isOver) return;
    const { status, retry } = error.meaning;
    this.#owner.onFailed(error.code, error);
    const all = retry === "later" ? { ...headers, "retry-after": RETRY_AFTER_SECONDS } : headers;
    this.send(status, "application/json", JSON.stringify(this.toErrorBody(error)), all);
  }

  #writeHead(contentType: string): void {
    this.#res.writeHeader("content-type", contentType);
    if (this.requestId !== "") this.#res.writeHeader("x-request-id", this.requestId);
  }

  /** Resolves once the client has room for more, or has gone. */
  async #write(part: string): Promise<void> {
    let isTaken = true;
    this.#res.cork(() => {
      isTaken = this.#res.write(part);
    });
    if (isTaken) return;
    await new Promise<void>((resolve) => {
      this.#onGone = resolve;
      this.#res.onWritable(() => {
        resolve();
        return true;
      });
    });
    this.#onGone = undefined;
  }

  #cut(error: EngineError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.onFailed(error.code, error);
    this.#owner.onAnswered(200);
    this.#res.close();
  }

  #tooLarge(bytesMax: number): void {
    this.fail(
      new EngineError(
        "PAYLOAD_TOO_LARGE",
        `the body is larger than ${bytesMax} bytes; send less at once, or raise the limit`,
      ),
    );
  }
}

/** @throws EngineError INVALID_JSON for a SyntaxError of `parse`. */
export function parseJson(body: Buffer, parse: (body: Buffer) => unknown = parseWhole): unknown {
  try {
    return parse(body);
  } catch (error) {
    throw new EngineError("INVALID_JSON", `the body is not JSON: ${(error as Error).message.slice(0, 200)}`, {
      cause: error,
    });
  }
}

function parseWhole(body: Buffer): unknown {
  return JSON.parse(body.toString("utf8"));
}

function ownErrorBody(error: EngineError): unknown {
  return error.toBody();
}
