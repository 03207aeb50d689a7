/**
 * One HTTP request of the client over node:http, and what became of it. Connections are kept and used again.
 *
 * What becomes of a request is a value: whether it may be sent again depends on how far it got. Bound: CONNECTIONS_MAX at once;
 * further requests wait for one of them, within their deadline.
 */
import {
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  request,
} from "node:http";
import { Agent as HttpsAgent, request as secureRequest } from "node:https";

const CONNECTIONS_MAX = 64;
/** The engine ends connections that were idle for 10 s; whoever ends them first does not send into their end. */
const IDLE_MS = 8_000;
/** Nothing was sent: no connection came about. */
const UNCONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "ENOTFOUND",
]);

export interface HttpAnswer {
  readonly kind: "answered";
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type HttpOutcome =
  | HttpAnswer
  /** Nobody got it. */
  | { readonly kind: "unsent"; readonly cause: Error }
  /** The connection ended before the answer: it may have been carried out. */
  | { readonly kind: "lost"; readonly cause: Error }
  /** The deadline passed. */
  | { readonly kind: "late" };

export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
}

export class HttpConnections {
  /** What all requests have in common. */
  readonly #base: RequestOptions;
  /** Before each path. */
  readonly #prefix: string;
  readonly #request: typeof request;
  readonly #agent: HttpAgent | HttpsAgent;

  /** @throws TypeError when `url` is no address of HTTP. */
  constructor(url: string) {
    const { protocol, hostname, port, pathname } = URL.canParse(url) ? new URL(url) : wrongUrl(url);
    if (protocol !== "http:" && protocol !== "https:") wrongUrl(url);
    const options = { keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: IDLE_MS };
    this.#agent = protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options);
    this.#request = protocol === "https:" ? secureRequest : request;
    const host = hostname.replace(/^\[|\]$/g, ""); // of IPv6
    this.#base = { agent: this.#agent, host, ...(port !== "" && { port }) };
    this.#prefix = pathname.replace(/\/$/, "");
  }

  /** Rejects with the reason of `signal` alone. */
  async send(call: HttpRequest, timeoutMs: number, signal: AbortSignal | undefined): Promise<HttpOutcome> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const { method, path } = call;
      const req = this.#request({
        ...this.#base,
        method,
        path: this.#prefix + path,
        headers: headersOf(call),
      });
      const settle = (outcome: HttpOutcome): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        resolve(outcome);
      };
      const onAbort = (): void => {
        reject(signal?.reason as Error);
        req.destroy(); // its error finds the promise settled
      };
      const timer = setTimeout(() => {
        settle({ kind: "late" });
        req.destroy();
      }, timeoutMs);
      signal?.addEventListener("abort", onAbort, { once: true });
      req.on("error", (cause: NodeJS.ErrnoException) =>
        settle({ kind: UNCONNECTED.has(cause.code ?? "") ? "unsent" : "lost", cause }),
      );
      req.on("response", (response) => readAnswer(response, settle));
      req.end(call.body);
    });
  }

  /** Ends the connections; what is under way is lost. */
  close(): void {
    this.#agent.destroy();
  }
}

function wrongUrl(url: string): never {
  throw new TypeError(`url is "${url}": give the engine's address, such as http://127.0.0.1:8080`);
}

function headersOf({ headers, body, method }: HttpRequest): Record<string, string | number> {
  return method === "GET" ? headers : { ...headers, "content-length": Buffer.byteLength(body ?? "") };
}

function readAnswer(response: IncomingMessage, settle: (outcome: HttpOutcome) => void): void {
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  response.on("error", (cause) => settle({ kind: "lost", cause }));
  response.on("end", () =>
    settle({
      kind: "answered",
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
    }),
  );
}
