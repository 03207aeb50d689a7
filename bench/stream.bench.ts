/**
 * Durable stream: requests consumed, predicted, logged, published, acknowledged; against a bare loop that consumes
 * and acknowledges the same messages, on the same NATS server.
 */
import { AckPolicy, type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { median } from "simple-statistics";
import { eventually } from "../test/support/eventually.ts";
import { type Report, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";

const MESSAGES = 100_000;
const ROUNDS = 3;
const WINDOW = 2_000;

export async function benchStream(): Promise<Report> {
  await using engine = await startBenchEngine();
  const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
  const client = jetstream(nats);
  const bare: number[] = [];
  const served: number[] = [];
  const body = await requestBody();
  const manager = await client.jetstreamManager();
  await manager.streams.add({ name: "BENCH", subjects: ["bench.requests"] });
  for (let turn = 0; turn < ROUNDS; turn++) {
    await fill(client, "bench.requests", body);
    bare.push(await bareLoop(client));
    await manager.streams.purge("BENCH");
    served.push(await engineLoop(nats, client, body));
  }
  await nats.close();
  const rows = [
    { subject: "bare consume and ack", "messages/s": Math.round(median(bare)) },
    { subject: "engine, durable requests", "messages/s": Math.round(median(served)) },
  ];
  return {
    title: `Durable stream, ${MESSAGES} requests of ${body.length} bytes`,
    rows,
    ratios: { "engine / bare loop (goal ≥ 0.6)": round(median(served) / median(bare)) },
  };
}

async function fill(client: JetStreamClient, subject: string, body: string): Promise<void> {
  for (let sent = 0; sent < MESSAGES; sent += WINDOW) {
    await Promise.all(
      Array.from({ length: Math.min(WINDOW, MESSAGES - sent) }, async () => client.publish(subject, body)),
    );
  }
}

/** Messages per second of a loop that does nothing but acknowledge. */
async function bareLoop(client: JetStreamClient): Promise<number> {
  const manager = await client.jetstreamManager();
  await manager.consumers.add("BENCH", {
    durable_name: "bare",
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 20_000,
  });
  const consumer = await client.consumers.get("BENCH", "bare");
  const messages = await consumer.consume({ max_messages: 5_000 });
  const startedMs = performance.now();
  let count = 0;
  for await (const message of messages) {
    message.ack();
    if (++count === MESSAGES) break;
  }
  await eventually("all are acknowledged", async () => (await consumer.info()).num_ack_pending === 0, 60_000);
  const rate = (MESSAGES * 1000) / (performance.now() - startedMs);
  await manager.consumers.delete("BENCH", "bare");
  return rate;
}

/** The engine's consumer is paused while the stream is filled, as the bare loop starts on a filled stream too. */
async function engineLoop(nats: NatsConnection, client: JetStreamClient, body: string): Promise<number> {
  const manager = await client.jetstreamManager();
  const { model } = JSON.parse(body) as { model: string };
  await manager.consumers.pause("MILLRACE_REQUESTS", "engines", new Date(Date.now() + 600_000));
  await fill(client, `millrace.requests.${model}`, body);
  await nats.flush();
  const consumer = await client.consumers.get("MILLRACE_REQUESTS", "engines");
  await manager.consumers.resume("MILLRACE_REQUESTS", "engines");
  // A resumed consumer may take a second to notice: the clock starts with the first delivery that is seen.
  const first = await eventually(
    "it delivers",
    async () => {
      const info = await consumer.info();
      return info.num_pending < MESSAGES && info;
    },
    60_000,
  );
  const startedMs = performance.now();
  const left = first.num_pending + first.num_ack_pending;
  await eventually(
    "all are served and acknowledged",
    async () => {
      const info = await consumer.info();
      return info.num_pending === 0 && info.num_ack_pending === 0;
    },
    120_000,
  );
  return (left * 1000) / (performance.now() - startedMs);
}
