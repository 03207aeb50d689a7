/** Streams that several processes make at once, as data plane and control plane do when they start. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { type JetStreamManager, jetstream, type StreamAPI } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { createTopology, ensureStreams, lastPosition } from "../../streams/topology.ts";
import { startTestNats } from "../support/nats.ts";

const BYTES_MAX = 16 * 1024 * 1024;

it("streams that another process makes between a look and the making are taken as they are", async () => {
  await using server = await startTestNats();
  const nats = await connect({ servers: server.url, noAsyncTraces: true });
  const manager = await jetstream(nats).jetstreamManager();
  const topology = createTopology("late");
  let others: Promise<void> | undefined;
  /** Looks, and hears of what it saw when the other is done. */
  const info: StreamAPI["info"] = async (name) => {
    const seen = await Promise.allSettled([manager.streams.info(name)]);
    others ??= ensureStreams(manager, topology, BYTES_MAX);
    await others;
    if (seen[0].status === "rejected") throw seen[0].reason;
    return seen[0].value;
  };
  const streams = Object.assign(Object.create(manager.streams) as StreamAPI, { info });
  const late = Object.assign(Object.create(manager) as JetStreamManager, { streams });
  await ensureStreams(late, topology, BYTES_MAX);
  const before = await lastPosition(manager, topology.logStream);
  assert.ok(before.epoch > 0);
  await ensureStreams(manager, topology, BYTES_MAX);
  assert.deepEqual(await lastPosition(manager, topology.logStream), before);
  await nats.close();
});
