/** Events that come again: the ingester knows exactly the ids that the sink knows, also after a restart. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventually } from "../../../support/eventually.ts";
import { FakeEventHistory } from "../../../support/fake-event-history.ts";
import { events, withIngester } from "../../../support/ingester-bench.ts";

describe("ids of events", () => {
  it("counts an event that was published again once, also across a restart", async () => {
    const all = events(30);
    const twice = [...all, ...all.slice(0, 10)];
    await withIngester(
      (stream) => twice.forEach((event) => stream.add(event)),
      async ({ ingester, expectTotals }) => {
        await expectTotals(all);
        assert.equal(ingester.progress.duplicates, 10);
      },
      {},
      async ({ stream, ingester, expectTotals }) => {
        for (const event of all.slice(10, 20)) stream.add(event);
        await expectTotals(all);
        assert.equal(ingester.progress.duplicates, 10);
      },
    );
  });

  it("remembers the ids of only so many events before its position when it starts", async () => {
    const all = events(50);
    await withIngester(
      (stream) => all.forEach((event) => stream.add(event)),
      async ({ expectTotals }) => expectTotals(all),
      { recentIdsMax: 16 },
      async ({ stream, expectTotals }) => {
        stream.add(all.at(-10));
        await expectTotals(all);
        assert.deepEqual(stream.followed, [1, 51], "they come from the history");
      },
    );
  });

  it("knows the latest ids after a restart, however many repeats and how much rubbish came in between", async () => {
    const all = events(17);
    await withIngester(
      (stream) => {
        for (const event of all) for (let times = 0; times < 3; times++) stream.add(event);
        for (let left = 40; left > 0; left--) stream.add("rubbish");
      },
      async ({ expectTotals }) => expectTotals(all),
      { recentIdsMax: 16 },
      async ({ stream, ingester, expectTotals }) => {
        stream.add(all[1]);
        await expectTotals(all);
        assert.equal(ingester.progress.duplicates, 1);
        stream.add({ ...all[0], event: { amount: 1, city: null } }); // the one before the latest 16 is new again
        await eventually("it is taken", () => ingester.progress.events === 1);
      },
    );
  });

  it("takes ids from the stream that the history does not have yet, and all from there while it is away", async () => {
    const all = events(50);
    let history: FakeEventHistory | undefined;
    await withIngester(
      (stream) => {
        all.forEach((event) => stream.add(event));
        history = new FakeEventHistory(stream);
        history.storedSeq = 30;
      },
      async ({ expectTotals }) => expectTotals(all),
      { recentIdsMax: 40, history: () => history },
      async ({ stream, ingester, expectTotals }) => {
        stream.add(all[45]);
        stream.add(all[11]);
        await expectTotals(all);
        assert.equal(ingester.progress.duplicates, 2);
        assert.deepEqual(stream.followed, [1, 31]);
      },
    );
    await withIngester(
      (stream) => {
        for (const event of all) stream.add(event);
        for (let left = 40; left > 0; left--) stream.add("rubbish");
        history = new FakeEventHistory(stream);
      },
      async ({ expectTotals }) => {
        await expectTotals(all);
        if (history !== undefined) history.isAway = true;
      },
      { recentIdsMax: 40, history: () => history },
      async ({ stream, ingester, expectTotals }) => {
        await eventually("it was asked", () => (history?.refusals ?? 0) > 0);
        assert.deepEqual(stream.followed, [1, 51]);
        if (history !== undefined) history.isAway = false;
        await eventually("it is asked again", () => stream.followed.length === 3);
        stream.add(all[11]);
        await expectTotals(all);
        assert.equal(ingester.progress.duplicates, 1);
      },
    );
  });
});
