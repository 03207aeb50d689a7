/** Publishing results to a real NATS: nothing is lost or doubled when it is killed, and a refusal of one is noticed. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type JetStreamClient, type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { pino } from "pino";
import { openStreams, type StreamsConnection } from "../../streams/connection.ts";
import { Publisher } from "../../streams/publisher.ts";
import { ResultPublisher } from "../../streams/result-publisher.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const logger = pino({ level: "silent" });

describe("the publisher of results", () => {
  let server: TestNats;
  let connection: StreamsConnection;
  let client: JetStreamClient;
  let manager: JetStreamManager;
  let publisher: Publisher;
  let results: ResultPublisher;
  before(async () => {
    server = await startTestNats();
    connection = await openStreams(server.url, "test", logger);
    client = jetstream(connection.nats);
    manager = await client.jetstreamManager();
    publisher = new Publisher(connection.nats);
    results = new ResultPublisher(connection.nats, publisher, logger);
  });
  after(async () => {
    publisher?.close();
    await connection?.close();
    await server?.stop();
  });

  const publish = (id: string, subject: string, settled: string[], replyTo = ""): void =>
    results.publish({
      subject,
      predictionId: id,
      payload: JSON.stringify({ id }),
      replyTo,
      request: {
        done: () => settled.push(id),
        later: () => assert.fail(`${id} was given up`),
        dead: () => assert.fail(`${id} was refused`),
      },
    });

  const idsIn = async (stream: string): Promise<string[]> => {
    const { state } = await manager.streams.info(stream);
    const ids: string[] = [];
    if (state.messages === 0) return ids;
    const consumer = await client.consumers.get(stream);
    for await (const message of await consumer.consume()) {
      ids.push(message.json<{ id: string }>().id);
      if (message.seq >= state.last_seq) break;
    }
    return ids;
  };

  it("gives up a result that no message holds, and publishes the others", async () => {
    await manager.streams.add({ name: "LARGE", subjects: ["large.*"] });
    const settled: string[] = [];
    const reasons: string[] = [];
    results.publish({
      subject: "large.m",
      predictionId: "too-large",
      payload: new Uint8Array(publisher.payloadBytesMax),
      replyTo: "",
      request: {
        done: () => assert.fail("it cannot be published"),
        later: () => assert.fail("it would come again for ever"),
        dead: (reason) => reasons.push(reason),
      },
    });
    publish("small", "large.m", settled);
    await eventually("the small one is settled", () => settled.length === 1);
    assert.match(reasons.join(), /^PAYLOAD_TOO_LARGE: /);
    assert.deepEqual(await idsIn("LARGE"), ["small"]);
  });

  it("has every result in the stream once, and settles each once, when the server is killed meanwhile", async () => {
    await manager.streams.add({ name: "RESULTS", subjects: ["results.*"] });
    const published: string[] = [];
    const settled: string[] = [];
    const publishGroup = (size: number): void => {
      for (let index = 0; index < size; index++) {
        const id = `result-${published.length}`;
        published.push(id);
        publish(id, "results.m", settled);
      }
    };
    for (let kill = 0; kill < 3; kill++) {
      publishGroup(3_000);
      const before = settled.length;
      await eventually("a part is settled", () => settled.length > before);
      let isBack = false;
      const back = server.kill9().then(() => {
        isBack = true;
      });
      await eventually(
        "the server and the connection are back",
        () => {
          publishGroup(10); // in the middle of the kill, while the server is away, and at its return
          return isBack && connection.isConnected();
        },
        20_000,
      );
      await back;
      await eventually("all are settled", () => settled.length >= published.length, 20_000);
    }
    assert.deepEqual(settled.toSorted(), published.toSorted());
    assert.deepEqual((await idsIn("RESULTS")).toSorted(), published.toSorted());
  });

  it("settles a group only when each of it is stored: one that is refused is tried again", async () => {
    await manager.streams.add({ name: "FIRST", subjects: ["first"] });
    const settled: string[] = [];
    const replies: string[] = [];
    connection.nats.subscribe("answers.*", {
      callback: (_, { subject }) => {
        replies.push(subject);
      },
    });
    publish("a", "first", settled);
    publish("b", "second", settled, "answers.b");
    publish("c", "first", settled);
    await eventually("the others are stored", async () => {
      return (await manager.streams.info("FIRST")).state.messages === 2;
    });
    await connection.nats.flush();
    assert.deepEqual(settled, []);
    await manager.streams.add({ name: "SECOND", subjects: ["second"] });
    await eventually("all are settled", () => settled.length === 3);
    assert.deepEqual(await idsIn("FIRST"), ["a", "c"]);
    assert.deepEqual(await idsIn("SECOND"), ["b"]);
    await eventually("the reply is sent", () => replies.length > 0);
    assert.deepEqual(replies, ["answers.b"]);
  });
});
