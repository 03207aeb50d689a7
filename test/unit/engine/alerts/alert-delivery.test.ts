/** When a notification is tried again, in what order, and how often. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { claim, dueDeliveries, nextDueMs, pauseAfter } from "../../../../engine/alerts/alert-delivery.ts";
import { withOutcome } from "../../../../engine/alerts/alert-group.ts";
import { Book, MINUTE, START } from "../../../support/alerts.ts";

const LIMITS = { attemptsMax: 8, timeoutMs: 10_000, pauseMs: 1_000 };

it("pauses grow threefold to ten minutes, spread by chance, and end", () => {
  const of = (random: number) =>
    Array.from({ length: 8 }, (_, index) => pauseAfter(index + 1, 0, LIMITS, random));
  assert.deepEqual(of(0.5), [1_000, 3_000, 9_000, 27_000, 81_000, 243_000, 600_000, undefined]);
  assert.deepEqual(of(0)[1], 1_500);
  assert.deepEqual(of(0.999)[6], 899_400);
  assert.equal(pauseAfter(1, 60_000, LIMITS, 0), 60_000);
  assert.equal(pauseAfter(1, 1e12, LIMITS, 0), 600_000);
  assert.equal(pauseAfter(8, 60_000, LIMITS, 0), undefined);
});

it("a channel is told in order: the second notification waits for the first", () => {
  const book = new Book({ channels: ["nats", "webhook"] });
  book.rounds([1, 200], [2, 0]);
  let group = book.only();
  const nowMs = START + 10 * MINUTE;
  const due = () => dueDeliveries(group, nowMs).map(({ channel, change }) => `${channel} ${change}`);
  assert.deepEqual(due(), ["nats raised", "webhook raised"]);
  const [first, second] = group.deliveries;
  assert.ok(first && second);
  group = withOutcome(group, first, { change: "delivered", nowMs, detail: "" });
  assert.deepEqual(due(), ["webhook raised", "nats resolved"]);
  group = claim(group, second, nowMs, LIMITS);
  assert.deepEqual(due(), ["nats resolved"]);
  assert.equal(nextDueMs(group), START + 10 * MINUTE); // of the resolution on NATS
  assert.equal(group.deliveries[0]?.nextMs, nowMs + 12_000);
});

it("an attempt is one sender's, and counts even if he dies", () => {
  const book = new Book();
  book.rounds([1, 200]);
  const group = book.only();
  const [delivery] = group.deliveries;
  assert.ok(delivery);
  const nowMs = START + 5 * MINUTE;
  const claimed = claim(group, delivery, nowMs, LIMITS);
  assert.equal(claimed.deliveries[0]?.attempts, 1);
  assert.equal(claim(claimed, delivery, nowMs, LIMITS), claimed);
  assert.equal(claim(claimed, delivery, nowMs + 12_000, LIMITS), claimed, "another attempt than was seen");
  const [again] = dueDeliveries(claimed, nowMs + 12_000);
  assert.equal(again?.attempts, 1);
  assert.ok(again);
  assert.equal(claim(claimed, again, nowMs + 12_000, LIMITS).deliveries[0]?.attempts, 2);
});
