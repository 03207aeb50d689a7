/** Publishing results in groups: what a lost connection may have swallowed is published again whole, and answered once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PublishOptions } from "@nats-io/transport-node";
import { pino } from "pino";
import type { StreamsConnection } from "../../../streams/connection.ts";
import type { Publisher } from "../../../streams/publisher.ts";
import { ResultPublisher } from "../../../streams/result-publisher.ts";
import { eventually } from "../../support/eventually.ts";

describe("the publisher of results", () => {
  it("repeats a whole group under its ids when the connection was lost meanwhile, then settles and replies", async () => {
    const published: string[] = [];
    const replies: string[] = [];
    const settled: string[] = [];
    let interruptions = 0;
    const nats = {
      publish: (subject: string, _: unknown, options?: PublishOptions) => {
        const id = options?.headers?.get("Nats-Msg-Id");
        if (id === undefined) replies.push(subject);
        else published.push(id);
      },
    };
    const connection = { nats, interruptions: () => interruptions } as unknown as StreamsConnection;
    const acknowledging = {
      publish: async (_: string, id: string) => {
        published.push(id);
        assert.deepEqual(settled, []);
        if (published.length === 3) interruptions++;
      },
    } as unknown as Publisher;
    const publisher = new ResultPublisher(connection, acknowledging, pino({ level: "silent" }));
    for (const id of ["a", "b", "c"]) {
      publisher.publish({
        subject: "predictions.m",
        predictionId: id,
        json: "{}",
        replyTo: id === "b" ? "inbox.b" : "",
        request: { done: () => settled.push(id), later: () => assert.fail("it was given up") },
      });
    }
    await eventually("all are settled", () => settled.length === 3);
    assert.deepEqual(published, ["a", "b", "c", "a", "b", "c"]);
    assert.deepEqual(replies, ["inbox.b"]);
  });
});
