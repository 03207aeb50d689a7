/**
 * HTTP as a test needs it: one connection that is kept, and an outcome that tells an answer from its absence.
 *
 * Outcome: `answered` when a whole response came; `cut` when the connection ended after some bytes of one;
 * `unanswered` when it ended, was refused or stayed silent before any. Nothing is tried again.
 */
import { Agent, request } from "node:http";

const SILENCE_MS = 30_000;

export type Outcome =
  | { readonly kind: "answered"; readonly status: number; readonly body: string }
  | { readonly kind: "cut"; readonly why: string }
  | {
      readonly kind: "unanswered";
      readonly why: string;
      /** True when the connection had carried an answer before: the server had accepted it. */
      readonly isReused: boolean;
    };

export class HttpConnection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** Settles with what became of the request; never rejects. */
  post(url: URL, body: string): Promise<Outcome> {
    return new Promise((resolve) => {
      const req = request(url, { method: "POST", agent: this.#agent, timeout: SILENCE_MS });
      let text: string | undefined;
      const fail = (error: Error): void =>
        resolve(
          text === undefined
            ? { kind: "unanswered", why: codeOf(error), isReused: req.reusedSocket }
            : { kind: "cut", why: codeOf(error) },
        );
      req.on("timeout", () => req.destroy(new Error("silent")));
      req.on("error", fail);
      req.on("response", (res) => {
        text = "";
        res.setEncoding("utf8");
        res.on("data", (chunk: string) => {
          text += chunk;
        });
        res.on("error", fail);
        res.on("end", () => resolve({ kind: "answered", status: res.statusCode ?? 0, body: text ?? "" }));
      });
      req.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
