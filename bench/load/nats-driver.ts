/** NATS request and reply over one connection, as many at once as there are slots. */
import { connect } from "@nats-io/transport-node";
import type { Driver } from "./driver.ts";

const TIMEOUT_MS = 30_000;

/** Status 200 of an answer, the status of an error's `Nats-Service-Error-Code`, 0 for none. */
export async function openNats(url: string, subject: string, bodies: readonly string[]): Promise<Driver> {
  const nats = await connect({ servers: url, noAsyncTraces: true });
  const payloads = bodies.map((body) => Buffer.from(body));
  const ask = async (payload: Buffer, done: (status: number) => void): Promise<void> => {
    let status = 0;
    try {
      const answer = await nats.request(subject, payload, { timeout: TIMEOUT_MS });
      status = Number(answer.headers?.get("Nats-Service-Error-Code") || 200);
    } catch {
      // no answer: status 0
    }
    done(status);
  };
  return {
    send: (_slot, index, done) => void ask(payloads[index % payloads.length] as Buffer, done),
    close: async () => nats.close(),
  };
}
