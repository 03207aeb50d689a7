/** Publishing results in groups: a group that is not acknowledged is published again whole, and answered once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JetStreamClient } from "@nats-io/jetstream";
import type { NatsConnection, PublishOptions } from "@nats-io/transport-node";
import { pino } from "pino";
import { ResultPublisher } from "../../../streams/result-publisher.ts";
import { eventually } from "../../support/eventually.ts";

describe("the publisher of results", () => {
  it("repeats a whole group under its ids when the last was not acknowledged, then settles and replies", async () => {
    const published: string[] = [];
    const replies: string[] = [];
    const settled: string[] = [];
    let faults = 1;
    const nats = {
      publish: (subject: string, _: unknown, options?: PublishOptions) => {
        const id = options?.headers?.get("Nats-Msg-Id");
        if (id === undefined) replies.push(subject);
        else published.push(id);
      },
    } as unknown as NatsConnection;
    const jetstream = {
      publish: async (_: string, __: unknown, options: { msgID: string }) => {
        published.push(options.msgID);
        assert.deepEqual(settled, []);
        if (faults-- > 0) throw new Error("connection lost");
      },
    } as unknown as JetStreamClient;
    const publisher = new ResultPublisher(nats, jetstream, pino({ level: "silent" }));
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
