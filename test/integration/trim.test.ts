/** Trimming on a real NATS: what is done with goes after the duplicate window, and never anything else. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { DUPLICATE_WINDOW_MS, epochOf } from "../../streams/topology.ts";
import { Trimmer } from "../../streams/trim.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const STREAM = "TRIMMED";
const LATER_MS = DUPLICATE_WINDOW_MS + 1;

describe("the trimming of a stream", () => {
  let server: TestNats;
  let nats: NatsConnection;
  let manager: JetStreamManager;
  let trimmer: Trimmer;
  before(async () => {
    server = await startTestNats();
    nats = await connect({ servers: server.url });
    manager = await jetstream(nats).jetstreamManager();
  });
  after(async () => {
    await nats?.close();
    await server?.stop();
  });
  beforeEach(() => {
    trimmer = new Trimmer(manager, STREAM);
  });

  /** The stream anew, with ten messages; its epoch. */
  const makeStream = async (): Promise<number> => {
    await manager.streams.delete(STREAM).catch(() => undefined);
    const info = await manager.streams.add({ name: STREAM, subjects: ["trimmed"] });
    for (let count = 0; count < 10; count++) await jetstream(nats).publish("trimmed", "x");
    return epochOf(info);
  };

  const firstSeq = async (): Promise<number> => (await manager.streams.info(STREAM)).state.first_seq;

  it("lets go of what was done with a duplicate window ago, and not of what was done since", async () => {
    const epoch = await makeStream();
    await trimmer.advance({ epoch, seq: 4 }, 0);
    await trimmer.advance({ epoch, seq: 7 }, 1_000);
    assert.equal(await firstSeq(), 1);
    await trimmer.advance({ epoch, seq: 9 }, LATER_MS);
    assert.equal(await firstSeq(), 5);
    await trimmer.advance({ epoch, seq: 9 }, 1_000 + LATER_MS);
    assert.equal(await firstSeq(), 8);
    await trimmer.advance({ epoch, seq: 9 }, 2 * LATER_MS + 1);
    assert.equal(await firstSeq(), 10);
  });

  it("leaves a stream alone that was made anew, whether or not who reads it has noticed", async () => {
    const old = await makeStream();
    await trimmer.advance({ epoch: old, seq: 8 }, 0);
    const epoch = await makeStream();
    assert.notEqual(epoch, old);
    await trimmer.advance({ epoch: old, seq: 8 }, LATER_MS);
    assert.equal(await firstSeq(), 1);
    await trimmer.advance({ epoch: old, seq: 8 }, 2 * LATER_MS);
    await trimmer.advance({ epoch, seq: 3 }, 2 * LATER_MS + 1);
    await trimmer.advance({ epoch, seq: 3 }, 3 * LATER_MS);
    assert.equal(await firstSeq(), 1);
    await trimmer.advance({ epoch, seq: 3 }, 3 * LATER_MS + 2);
    assert.equal(await firstSeq(), 4);
  });

  it("keeps what is not done with any more, since who reads it has started over", async () => {
    const epoch = await makeStream();
    await trimmer.advance({ epoch, seq: 8 }, 0);
    await trimmer.advance({ epoch, seq: 2 }, LATER_MS);
    assert.equal(await firstSeq(), 1);
    await trimmer.advance({ epoch, seq: 2 }, 2 * LATER_MS + 1);
    assert.equal(await firstSeq(), 3);
  });

  it("never lets go of what is not in the stream yet", async () => {
    const epoch = await makeStream();
    await trimmer.advance({ epoch, seq: 1_000 }, 0);
    await trimmer.advance({ epoch, seq: 1_000 }, LATER_MS);
    assert.equal(await firstSeq(), 1);
  });

  it("tries again after a purge that failed", async () => {
    const epoch = await makeStream();
    await trimmer.advance({ epoch, seq: 5 }, 0);
    const { purge } = manager.streams;
    manager.streams.purge = async () => Promise.reject(new Error("no answer"));
    await assert.rejects(trimmer.advance({ epoch, seq: 5 }, LATER_MS), /no answer/);
    manager.streams.purge = purge;
    await trimmer.advance({ epoch, seq: 5 }, LATER_MS);
    assert.equal(await firstSeq(), 6);
  });

  it("keeps history: goes of the oldest only while the stream is more than half full, and only of what is done with", async () => {
    await manager.streams.delete(STREAM).catch(() => undefined);
    const info = await manager.streams.add({ name: STREAM, subjects: ["trimmed"], max_bytes: 1 << 16 });
    const epoch = epochOf(info);
    const history = new Trimmer(manager, STREAM, "history");
    const fill = async (messages: number): Promise<number> => {
      for (let count = 0; count < messages; count++)
        await jetstream(nats).publish("trimmed", Buffer.alloc(1_000));
      const { state } = await manager.streams.info(STREAM);
      return state.bytes / (1 << 16);
    };
    assert.ok((await fill(25)) < 0.5);
    await history.advance({ epoch, seq: 25 }, 0);
    await history.advance({ epoch, seq: 25 }, LATER_MS);
    assert.equal(await firstSeq(), 1);
    assert.ok((await fill(30)) > 0.8);
    await history.advance({ epoch, seq: 10 }, 2 * LATER_MS);
    await history.advance({ epoch, seq: 10 }, 3 * LATER_MS + 1);
    assert.equal(await firstSeq(), 11, "not beyond what is done with");
    await history.advance({ epoch, seq: 55 }, 4 * LATER_MS);
    await history.advance({ epoch, seq: 55 }, 5 * LATER_MS + 1);
    const { state } = await manager.streams.info(STREAM);
    const full = state.bytes / (1 << 16);
    assert.ok(full > 0.45 && full <= 0.5, `${full}`);
  });
});
