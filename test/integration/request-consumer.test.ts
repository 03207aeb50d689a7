/** The consumer of durable requests against a real NATS: what it holds, what it gives up on, and how it stops. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type JetStreamClient, type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { pino } from "pino";
import { Publisher } from "../../streams/publisher.ts";
import { RequestConsumer, type RequestConsumerOptions } from "../../streams/request-consumer.ts";
import type { StreamRequest } from "../../streams/stream-request.ts";
import { createTopology, ensureStreams } from "../../streams/topology.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const topology = createTopology("test");
const SUBJECT = topology.requestsSubject("m");
const ACK_WAIT_MS = 1_000;
const STOPS = 10;
const REQUESTS_PER_STOP = 300;

describe("the consumer of durable requests", () => {
  let server: TestNats;
  let nats: NatsConnection;
  let client: JetStreamClient;
  let manager: JetStreamManager;
  let publisher: Publisher;
  before(async () => {
    server = await startTestNats();
    nats = await connect({ servers: server.url, noAsyncTraces: true });
    client = jetstream(nats);
    manager = await client.jetstreamManager();
    publisher = new Publisher(nats);
  });
  beforeEach(async () => {
    for (const { config } of await manager.streams.list().next()) await manager.streams.delete(config.name);
    await ensureStreams(manager, topology, 64 * 1024 * 1024);
  });
  after(async () => {
    publisher?.close();
    await nats?.close();
    await server?.stop();
  });

  const createConsumer = (change: Partial<RequestConsumerOptions>): RequestConsumer =>
    new RequestConsumer({
      jetstream: client,
      manager,
      publisher,
      topology,
      inFlightMax: 100,
      hasRoom: () => true,
      onRequest: (request) => request.done(),
      logger: pino({ level: "silent" }),
      ...change,
    });

  const publish = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) await client.publish(SUBJECT, `request ${index}`);
  };

  const consumerInfo = async () => manager.consumers.info(topology.requestsStream, "engines");

  it("holds no more than its bound, and what it holds for long is not delivered again", async () => {
    const touched = new Map<string, number>();
    nats.subscribe(`$JS.ACK.${topology.requestsStream}.>`, {
      callback: (_, { subject, data }) => {
        if (Buffer.from(data).toString() === "+WPI") touched.set(subject, (touched.get(subject) ?? 0) + 1);
      },
    });
    const handedOn: StreamRequest[] = [];
    let room = 2;
    const consumer = createConsumer({
      inFlightMax: 4,
      ackWaitMs: ACK_WAIT_MS,
      hasRoom: () => room > 0,
      onRequest: (request) => {
        room--;
        handedOn.push(request);
      },
    });
    await publish(20);
    consumer.start();
    // Four looks in the time of an acknowledgement: ten are more than twice that.
    await eventually(
      "all that is held was asked more time for, again and again",
      () => touched.size === 4 && [...touched.values()].every((count) => count >= 10),
      10 * ACK_WAIT_MS,
    );
    const held = await consumerInfo();
    assert.deepEqual(
      { pending: held.num_pending, unsettled: held.num_ack_pending, redelivered: held.num_redelivered },
      { pending: 16, unsettled: 4, redelivered: 0 },
    );
    assert.equal(handedOn.length, 2);
    room = Number.POSITIVE_INFINITY;
    let settled = 0;
    await eventually("all are handed on", () => {
      while (settled < handedOn.length) handedOn[settled++]?.done();
      return handedOn.length === 20;
    });
    await eventually("all are settled", async () => (await consumerInfo()).ack_floor.stream_seq === 20);
    assert.equal(new Set(handedOn.map(({ position }) => position)).size, 20);
    await consumer.stop();
  });

  it("stores a dead letter that is too large with its headers, cut off and saying so", async () => {
    const bytes = (nats.info?.max_payload ?? 0) - 10;
    await client.publish(SUBJECT, Buffer.alloc(bytes, "x"));
    const consumer = createConsumer({ onRequest: (request) => request.dead("NO_GOOD: at all") });
    consumer.start();
    const letter = await eventually("the dead letter is stored", async () =>
      manager.streams.getMessage(topology.deadStream, { seq: 1 }).then((message) => message ?? undefined),
    );
    assert.equal(letter.header.get("Millrace-Truncated"), String(bytes));
    assert.equal(letter.header.get("Millrace-Reason"), "NO_GOOD: at all");
    assert.equal(letter.header.get("Millrace-Sequence"), "1");
    assert.ok(letter.data.length > bytes - 1_000 && letter.data.length < bytes);
    await eventually("the request is let go", async () => (await consumerInfo()).ack_floor.stream_seq === 1);
    await consumer.stop();
  });

  it("keeps a dead letter whole that fits", async () => {
    await client.publish(SUBJECT, Buffer.alloc(1_000_000, "x"));
    const consumer = createConsumer({ onRequest: (request) => request.dead("NO_GOOD") });
    consumer.start();
    const letter = await eventually("the dead letter is stored", async () =>
      manager.streams.getMessage(topology.deadStream, { seq: 1 }).then((message) => message ?? undefined),
    );
    assert.equal(letter.data.length, 1_000_000);
    assert.equal(letter.header.get("Millrace-Truncated"), "");
    await consumer.stop();
  });

  it("stops at once when it is asked to while its consumer is being made", async () => {
    for (const moment of ["get", "fetch"] as const) {
      let stopped: Promise<void> | undefined;
      const stop = (): void => {
        stopped = consumer.stop();
      };
      const consumers = {
        get: async (stream: string, name: string) => {
          const found = await client.consumers.get(stream, name);
          if (moment === "get") stop();
          else {
            const fetch = found.fetch.bind(found);
            found.fetch = async (options) => fetch(options).finally(stop);
          }
          return found;
        },
      };
      const consumer = createConsumer({ jetstream: { consumers } as unknown as JetStreamClient });
      consumer.start();
      let isStopped = false;
      await eventually(`it stops during ${moment}`, () => {
        void stopped?.then(() => {
          isStopped = true;
        });
        return isStopped;
      });
    }
  });

  it("gives back what waits for room when it stops", async () => {
    await publish(3);
    const consumer = createConsumer({ hasRoom: () => false });
    consumer.start();
    await eventually("all are pulled", () => consumer.inFlight === 3);
    await consumer.stop();
    assert.equal(consumer.inFlight, 0);
    const positions: string[] = [];
    const next = createConsumer({
      onRequest: (request) => {
        positions.push(request.position);
        request.done();
      },
    });
    next.start();
    await eventually("the next consumer has them", () => positions.length === 3);
    await next.stop();
  });

  it("hands on what was on its way when it stops: nothing waits for the time of its acknowledgement", async () => {
    const positions = new Set<string>();
    const onRequest = (request: StreamRequest): void => {
      positions.add(request.position);
      request.done();
    };
    let published = 0;
    for (let round = 0; round < STOPS; round++) {
      const consumer = createConsumer({ onRequest });
      consumer.start();
      const before = positions.size;
      const publishing = publish(REQUESTS_PER_STOP);
      published += REQUESTS_PER_STOP;
      await eventually("some are handed on", () => positions.size > before);
      await consumer.stop();
      await publishing;
    }
    const last = createConsumer({ onRequest });
    last.start();
    await eventually("all are handed on", () => positions.size === published);
    await last.stop();
  });
});
