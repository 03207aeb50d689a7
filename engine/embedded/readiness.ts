/**
 * How the engine finds out that a server on a loopback port serves: it asks, again and again, until the answer
 * fits or the caller's signal aborts. Each attempt is bounded by one second and one 64 KiB answer.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const ATTEMPT_MS = 1_000;
const PAUSE_MS = 15;
const ANSWER_CHARACTERS_MAX = 65_536;

export interface PortQuestion {
  readonly port: number;
  /** Sent after connecting; empty for a server that speaks first. */
  readonly question: string;
  /** Whether what has been received so far says that the server is ready. */
  readonly fits: (answer: string) => boolean;
}

/** Settles when the server on the port gives a fitting answer; rejects with the reason of `signal`. */
export async function waitForAnswer(question: PortQuestion, signal: AbortSignal): Promise<void> {
  while (!(await ask(question))) {
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

function ask({ port, question, fits }: PortQuestion): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ port, host: "127.0.0.1" });
    const finish = (isReady: boolean) => {
      socket.destroy();
      resolve(isReady);
    };
    socket.setEncoding("utf8");
    socket.setTimeout(ATTEMPT_MS, () => finish(false));
    socket.on("error", () => finish(false));
    socket.on("close", () => finish(false));
    socket.on("connect", () => question !== "" && socket.write(question));
    socket.on("data", (text: string) => {
      answer += text;
      if (fits(answer)) finish(true);
      else if (answer.length > ANSWER_CHARACTERS_MAX) finish(false);
    });
  });
}
