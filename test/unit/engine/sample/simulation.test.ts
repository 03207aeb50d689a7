/**
 * Simulated payments: whose they are, that their events fit the sample's feature sets, and how they are shown.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseFeatureEvent } from "../../../../engine/core/feature-event.ts";
import { compileColumns, judge } from "../../../../engine/features/column-plan.ts";
import { compileLookup } from "../../../../engine/features/feature-lookup.ts";
import { createSimulation, eventsOf, requestOf } from "../../../../engine/sample/simulation.ts";
import { type Sight, toLine, toScreen } from "../../../../engine/sample/simulation-view.ts";
import { readFeatureSetFiles } from "../../../../storage/feature-set-files.ts";
import { PROJECT, readModelFolder } from "../../../support/model-folder.ts";

const AT_MS = Date.parse("2026-11-21T10:00:00Z");
const sets = await readFeatureSetFiles(join(PROJECT, "engine/sample/card-fraud"));
const { manifest } = readModelFolder("engine/sample/card-fraud");

function take(
  count: number,
  watchedCard: string,
  rate = 20,
): ReturnType<ReturnType<typeof createSimulation>["next"]>[] {
  const simulation = createSimulation({ rate, watchedCard });
  return Array.from({ length: count }, () => simulation.next());
}

describe("simulated payments", () => {
  it("are the watched card's first and about twice a second, whatever the card is called", () => {
    for (const card of ["card-0001", "mine"]) {
      const payments = take(200, card);
      assert.ok(payments[0]?.isWatched && payments[10]?.isWatched);
      const watched = payments.filter(({ isWatched }) => isWatched);
      assert.ok(watched.length >= 20 && watched.length <= 22, `${watched.length} of 200`);
      assert.ok(watched.every(({ transaction }) => transaction.card_id === card));
    }
    assert.ok(take(5, "mine", 0.5).every(({ isWatched }) => isWatched));
  });

  it("become events that the sample's feature sets take, each with an id of its own", () => {
    const ids = new Set<string>();
    for (const { transaction } of take(2_000, "card-0001")) {
      for (const { entityType, body } of eventsOf(transaction, "run", AT_MS)) {
        const plan = compileColumns(sets.filter(({ entity }) => entity.type === entityType));
        const event = parseFeatureEvent(Buffer.from(JSON.stringify(body)), 1, AT_MS);
        assert.equal(judge(plan, event).problem, undefined);
        ids.add(`${entityType} ${event.eventId}`);
      }
    }
    assert.equal(ids.size, 4_000);
  });

  it("ask with nothing but what a payment says, and the feature sets have the rest", async () => {
    const [payment] = take(1, "card-0001");
    assert.ok(payment !== undefined);
    const lookup = await compileLookup(manifest, async (name) => {
      const set = sets.find((one) => one.name === name);
      assert.ok(set !== undefined, name);
      return set;
    });
    assert.deepEqual(
      lookup?.entities.map(({ key }) => key),
      ["card_id", "merchant_id"],
    );
    const { entities, features } = requestOf(payment.transaction) as Record<string, Record<string, unknown>>;
    assert.deepEqual(Object.keys(entities ?? {}), ["card_id", "merchant_id"]);
    const asked = Object.keys(features ?? {});
    for (const name of asked) assert.ok(lookup?.requestNames.has(name), name);
    const open = lookup?.inputs.filter(({ name }) => !asked.includes(name)) ?? [];
    assert.equal(open.length, 6);
    assert.ok(open.every(({ step }) => step >= 0));
  });
});

describe("the view of a simulation", () => {
  const [payment] = take(1, "card-0001");
  assert.ok(payment !== undefined);
  const sight: Sight = {
    asOf: "2026-11-21T10:00:01.250Z",
    payments: 12,
    transaction: payment.transaction,
    fraud: 0.5,
    predictedClass: "fraud",
    vector: new Map<string, number | string | null>([
      ["transactions_1h", 3],
      ["amount_ratio", 1.256],
      ["last_country", null],
    ]),
  };

  it("marks the features that have changed", () => {
    const screen = toScreen(sight, new Map([...sight.vector, ["transactions_1h", 2]]));
    const marked = screen.split("\n").filter((line) => line.endsWith("*"));
    assert.deepEqual(marked, [`  transactions_1h${"3".padStart(14)}  *`]);
    assert.match(screen, /^10:00:01\.250 {3}12 payments/);
    assert.match(screen, /fraud {2}0\.500 {2}#{20}\.{20} {2}fraud/);
    assert.doesNotMatch(toScreen(sight, undefined), /\*$/m);
  });

  it("puts a payment into one line where there is no terminal", () => {
    const line = toLine(sight);
    assert.match(line, / fraud=0\.500 fraud transactions_1h=3 amount_ratio=1\.26 last_country=-$/);
    assert.doesNotMatch(line, /\n/);
  });
});
