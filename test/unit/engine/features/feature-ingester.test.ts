/** The ingester over a stream and a store that fail on demand: every event counts once, in order, whatever happens. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ColumnPlan } from "../../../../engine/features/column-plan.ts";
import { eventually } from "../../../support/eventually.ts";
import { CARD_PLANS, type CardEvent, cardEvent } from "../../../support/feature-events.ts";
import { CARDS, events, withIngester } from "../../../support/ingester-bench.ts";

describe("the ingester", () => {
  it("applies every event, in the order of the stream", async () => {
    const all = events(100);
    await withIngester(
      (stream) => all.forEach((event) => stream.add(event)),
      async ({ ingester, expectTotals }) => {
        await expectTotals(all);
        const { seq, events: taken, duplicates, tooLate, rejected } = ingester.progress;
        assert.deepEqual([seq, taken, duplicates, tooLate, rejected], [100, 100, 0, 0, 0]);
      },
    );
  });

  it("puts what is no event aside with the reason, once though it is read again, and goes on", async () => {
    const [good, other] = events(2) as [CardEvent, CardEvent];
    await withIngester(
      (stream) => {
        stream.add(good);
        stream.add("rubbish");
        stream.add({ ...other, event: { amount: "a lot", city: null } });
        stream.add({ ...good, event_id: "future", event_time: Date.now() + 3_600_000 });
        stream.add({ ...good, event_id: "odd" }, "test.features.Card");
        stream.add(events(1, 7)[0]);
      },
      async ({ stream, store, ingester, expectTotals }) => {
        const all = [good, ...events(1, 7)];
        await expectTotals(all);
        assert.equal(ingester.progress.rejected, 4);
        store.lose();
        await eventually("the store is filled anew", async () => (await store.memory.position())?.seq === 6);
        await expectTotals(all);
        assert.deepEqual(
          stream.rejected.map(({ seq }) => seq),
          [2, 3, 4, 5],
        );
        const reasons = stream.rejected.map(({ reason }) => reason);
        for (const [index, pattern] of [
          /not JSON/,
          /^amount must be a number/,
          /^event_time/,
          /entity type/,
        ].entries())
          assert.match(reasons[index] ?? "", pattern);
      },
    );
  });

  it("takes the id of an event whose values are refused as used, as the table of events does", async () => {
    const [event] = events(1) as [CardEvent];
    await withIngester(
      (stream) => {
        stream.add({ ...event, event: { amount: "a lot" } });
        stream.add(event);
      },
      async ({ ingester, expectTotals }) => {
        await expectTotals([]);
        assert.deepEqual([ingester.progress.rejected, ingester.progress.duplicates], [1, 1]);
      },
    );
  });

  it("counts events that no window takes because they are too late", async () => {
    const late = cardEvent(1, CARDS, Date.now() - 2 * 3_600_000);
    const all = events(1);
    await withIngester(
      (stream) => [late, ...all].forEach((event) => stream.add(event)),
      async ({ ingester, expectTotals }) => {
        await expectTotals(all);
        assert.deepEqual([ingester.progress.events, ingester.progress.tooLate], [2, 1]);
      },
    );
  });

  it("passes over events of entity types that have no feature set, and fills them in once they have one", async () => {
    let plans: ReadonlyMap<string, ColumnPlan> = new Map();
    const before = events(3);
    const after = events(3, 3);
    await withIngester(
      (stream) => before.forEach((event) => stream.add(event)),
      async ({ stream, ingester, expectTotals }) => {
        await eventually("all is passed over", () => ingester.progress.seq === 3);
        plans = CARD_PLANS;
        for (const event of after) stream.add(event);
        await expectTotals([...before, ...after]);
      },
      { plans: () => plans },
    );
  });

  it("waits for a store that is away, and loses nothing", async () => {
    const all = events(40);
    await withIngester(
      (stream, store) => {
        for (const event of all.slice(0, 20)) stream.add(event);
        store.isAway = true;
      },
      async ({ stream, store, expectTotals }) => {
        await eventually("it was tried several times", () => store.refusals > 2);
        assert.equal(stream.followed.length, 0);
        store.isAway = false;
        await expectTotals(all.slice(0, 20));
        store.isAway = true;
        for (const event of all.slice(20)) stream.add(event);
        const { refusals } = store;
        await eventually("it was tried several times", () => store.refusals > refusals + 2);
        store.isAway = false;
        await expectTotals(all);
      },
    );
  });

  it("writes again what the store may not have, and doubles nothing that it has", async () => {
    const all = events(60);
    await withIngester(
      (stream, store) => {
        store.faults.push("answer lost", "position's answer lost", "answer lost", "position's answer lost");
        for (const event of all) stream.add(event);
      },
      async ({ store, expectTotals }) => {
        await expectTotals(all);
        assert.equal(store.faults.length, 0);
      },
    );
  });

  it("fills a store that lost its data anew, noticing it before it writes and between states and position", async () => {
    const all = events(60);
    await withIngester(
      (stream, store) => {
        store.faults.push("data lost");
        for (const event of all.slice(0, 50)) stream.add(event);
      },
      async ({ stream, store, expectTotals }) => {
        await expectTotals(all.slice(0, 50));
        store.lose();
        for (const event of all.slice(50)) stream.add(event);
        await expectTotals(all);
        store.lose(); // and while there are no events
        await eventually("the store is filled anew", async () => (await store.memory.position())?.seq === 60);
        await expectTotals(all);
      },
    );
  });

  it("keeps what it knows when only the reading is interrupted", async () => {
    const all = events(20);
    await withIngester(
      (stream) => all.slice(0, 10).forEach((event) => stream.add(event)),
      async ({ stream, store, expectTotals }) => {
        await expectTotals(all.slice(0, 10));
        const { reads } = store;
        stream.interruptions = 2;
        for (const event of all.slice(10)) stream.add(event);
        for (const event of all.slice(0, 10)) stream.add(event);
        await expectTotals(all);
        assert.equal(stream.followed.at(-1), 11);
        assert.equal(store.reads, reads);
      },
      { stateBytesMax: 1 << 20 },
    );
  });

  it("reads a stream that was made anew from its beginning, and keeps what came through the old one", async () => {
    const all = events(20);
    await withIngester(
      (stream) => all.slice(0, 10).forEach((event) => stream.add(event)),
      async ({ stream, expectTotals }) => {
        await expectTotals(all.slice(0, 10));
        stream.recreate();
        for (const event of all.slice(10)) stream.add(event);
        await expectTotals(all);
      },
    );
  });

  it("reads the states of one reading in one call, and those of busy entities once", async () => {
    const all = events(200);
    await withIngester(
      (stream) => all.forEach((event) => stream.add(event)),
      async ({ store, expectTotals }) => {
        await expectTotals(all);
        assert.equal(store.reads, 1);
      },
      { stateBytesMax: 1 << 20, eventsMax: 50 },
    );
  });
});
