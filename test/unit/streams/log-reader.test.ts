/** Reading the log: a connection that is lost while a reading is only being asked for. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { JetStreamManager } from "@nats-io/jetstream";
import { LogReader } from "../../../streams/log-reader.ts";
import type { Publisher } from "../../../streams/publisher.ts";
import { createTopology } from "../../../streams/topology.ts";
import { eventually } from "../../support/eventually.ts";

it("a reading fails, and nothing else does, when the connection is lost before it has begun", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => {
    unhandled.push(error);
  };
  process.on("unhandledRejection", note);
  let asked = 0;
  const manager = {
    streams: {
      info: async () => ({ config: {}, created: "2026-01-01", state: { first_seq: 1, last_seq: 1 } }),
    },
    direct: {
      getBatch: async () => {
        // Answers only once the loss has been noticed, which is when the interruptions have been asked for again.
        await eventually("the loss is noticed", () => asked > 1);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        return { stop: () => undefined };
      },
    },
  } as unknown as JetStreamManager;
  const reader = new LogReader({
    manager,
    publisher: {} as Publisher,
    connection: { interruptions: () => asked++ },
    topology: createTopology("test"),
    bytesMax: 1_000,
  });
  await assert.rejects(reader.read(1), /the connection was lost/);
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled, []);
});
