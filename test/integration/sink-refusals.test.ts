/**
 * A block of the log whose framing is right and whose rows ClickHouse cannot read: it becomes a dead letter, its
 * neighbours are stored once, also by a sink that follows one that was stopped half-way.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { pino } from "pino";
import { readBlock } from "../../engine/core/log-block.ts";
import { readPredictionRows } from "../../engine/prediction-rows.ts";
import { RecentIds } from "../../engine/recent-ids.ts";
import { Sink, type SinkStore } from "../../engine/sink.ts";
import { migrate } from "../../storage/migrate.ts";
import { PredictionStore } from "../../storage/prediction-store.ts";
import { openStreams, type StreamsConnection } from "../../streams/connection.ts";
import { LogReader } from "../../streams/log-reader.ts";
import { Publisher } from "../../streams/publisher.ts";
import { createTopology, ensureStreams } from "../../streams/topology.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { eventually } from "../support/eventually.ts";
import { blockOf, testRow } from "../support/log-blocks.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const LOGGER = pino({ level: "silent" });
const REQUEST_ID_OFFSET = 41;

const good = async (...ids: string[]): Promise<Buffer> =>
  blockOf(ids.map((requestId) => testRow({ requestId })));

/** A block whose middle row says that its request id is longer than all that follows. */
async function damaged(): Promise<Buffer> {
  const block = await good("bad-1", "bad-2", "bad-3");
  const starts: number[] = [];
  readBlock(block, (start) => starts.push(start));
  block.set([0xff, 0xff, 0xff, 0x7f], (starts[1] as number) + REQUEST_ID_OFFSET);
  return block;
}

describe("a block that ClickHouse cannot read", () => {
  let nats: TestNats;
  let clickhouse: TestClickhouse;
  let connection: StreamsConnection;
  let manager: JetStreamManager;
  before(async () => {
    [nats, clickhouse] = await Promise.all([startTestNats(), startTestClickhouse()]);
    connection = await openStreams(nats.url, "test", LOGGER);
    manager = await jetstream(connection.nats).jetstreamManager();
  });
  after(async () => {
    await connection.close();
    await Promise.all([nats.stop(), clickhouse.remove()]);
  });

  /** Runs a sink on the log of `prefix` until `isDone`. `afterInsert` is told of every insert that was stored. */
  async function runSink(
    prefix: string,
    isDone: (sink: Sink) => boolean,
    afterInsert: (token: string) => void = () => undefined,
  ): Promise<void> {
    const publisher = new Publisher(connection.nats);
    const rows = new PredictionStore(clickhouse.client, prefix);
    const store: SinkStore = {
      prepare: async () => migrate(clickhouse.client, prefix, LOGGER),
      insert: async (bytes, token) => {
        const refusal = await rows.insert(bytes, token);
        if (refusal === undefined) afterInsert(token);
        return refusal;
      },
      runningInserts: async () => rows.runningInserts(),
      lastSeq: async (epoch) => rows.lastSeq(epoch),
      recentIds: async (limit) => rows.recentIds(limit),
    };
    const topology = createTopology(prefix);
    const source = new LogReader({ manager, publisher, connection, topology, bytesMax: 1 << 20 });
    const bounds = {
      rowsMax: 1_000,
      bytesMax: 1 << 20,
      recentIdsMax: 1_024,
      createRecent: (capacity: number) => new RecentIds(capacity),
      flushMs: 10,
    };
    const sink = new Sink({ source, store, rowsOf: readPredictionRows, ...bounds, logger: LOGGER });
    const stopping = new AbortController();
    const running = sink.run(stopping.signal);
    try {
      await eventually("the sink has come that far", () => isDone(sink), 20_000);
    } finally {
      stopping.abort();
      await running;
      publisher.close();
    }
  }

  async function fill(prefix: string, blocks: readonly Buffer[]): Promise<void> {
    const topology = createTopology(prefix);
    await ensureStreams(manager, topology, 1 << 26);
    for (const block of blocks) await jetstream(connection.nats).publish(topology.logSubject, block);
  }

  async function storedIds(prefix: string): Promise<string[]> {
    const query = `SELECT request_id FROM ${prefix}.predictions ORDER BY log_seq, request_id`;
    const result = await clickhouse.client.query({ query, format: "JSONEachRow" });
    return (await result.json<{ request_id: string }>()).map((row) => row.request_id);
  }

  it("is in the dead letters with the reason, byte for byte, and both its neighbours are stored once", async () => {
    const bad = await damaged();
    await fill("refused", [await good("a", "b"), bad, await good("c")]);
    await runSink("refused", (sink) => sink.progress.seq === 3);
    assert.deepEqual(await storedIds("refused"), ["a", "b", "c"]);
    const dead = await manager.streams.getMessage("REFUSED_DEAD", {
      last_by_subj: "refused.dead.REFUSED_LOG",
    });
    assert.ok(dead !== null && Buffer.from(dead.data).equals(bad));
    assert.match(dead.header.get("Millrace-Reason"), /CANNOT_READ_ALL_DATA/);
    assert.equal((await manager.streams.info("REFUSED_DEAD")).state.messages, 1);
  });

  it("loses and doubles nothing when the sink is stopped between two of the messages", async () => {
    await fill("stopped", [await good("a"), await damaged(), await good("b"), await good("c")]);
    let inserts = 0;
    await runSink(
      "stopped",
      () => inserts > 0,
      () => {
        inserts++;
        throw new Error("stopped before the answer came");
      },
    );
    await runSink("stopped", (sink) => sink.progress.seq === 4);
    assert.deepEqual(await storedIds("stopped"), ["a", "b", "c"]);
    assert.equal((await manager.streams.info("STOPPED_DEAD")).state.messages, 1);
  });
});
