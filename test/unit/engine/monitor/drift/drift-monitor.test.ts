/** Rounds of drift over counts in memory: windows in order, none skipped, and the same after whatever interrupts them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toScoreEvents, toScoreObservations } from "../../../../../engine/monitor/detectors/score-news.ts";
import type { JudgedWindow } from "../../../../../engine/monitor/drift/drift-monitor.ts";
import { toObservations } from "../../../../../engine/monitor/drift/drift-news.ts";
import type { BinCount } from "../../../../../engine/monitor/drift/window-measures.ts";
import {
  alarmsOf,
  DRIFT_FROM,
  DriftRounds,
  END_MS,
  HOUR_MS,
  HOURS,
  hasRows,
  hourCounts,
  madeMs,
  observationsOf,
  PROFILE,
  SCORES_PER_HOUR,
  START_MS,
  VERSION,
} from "../../../../support/drift-rounds.ts";
import { createRandom } from "../../../../support/random.ts";

describe("rounds of drift", () => {
  it("judge every window once it is over, and open one incident when drift persists", async () => {
    const tables = new DriftRounds();
    const monitor = tables.monitor();
    await monitor.round([VERSION], START_MS + HOUR_MS);
    assert.equal(tables.rows.length, 0, "predictions in flight may still come");
    await monitor.round([VERSION], END_MS);
    const windows = tables.rows.filter(({ role }) => role === "window");
    assert.deepEqual(
      windows.map((row) => Number(row["window_end"])),
      Array.from({ length: HOURS }, (_, hour) => START_MS / 1000 + (hour + 1) * 3_600),
    );
    assert.equal(windows[7]?.["verdict"], "insufficient");
    assert.equal(windows[DRIFT_FROM - 1]?.["verdict"], "none");
    assert.equal(windows[DRIFT_FROM]?.["verdict"], "drift");
    const changes = tables.told.flatMap((window) => window.changes);
    assert.deepEqual(
      changes.map(({ change, atMs }) => [change, (atMs - START_MS) / HOUR_MS]),
      [["opened", DRIFT_FROM + 3]],
    );
    assert.equal(changes[0]?.incident.severity, "critical");
  });

  it("give the same reports and changes to the bit when they are killed anywhere", async (t) => {
    const whole = new DriftRounds();
    await whole.monitor().round([VERSION], END_MS);
    const random = createRandom();
    t.diagnostic(`TEST_SEED=${random.seed}`);
    const killed = new DriftRounds();
    let monitor = killed.monitor();
    for (let untilMs = START_MS; untilMs <= END_MS; untilMs += random.between(1, 3) * HOUR_MS) {
      killed.scores.failures = random.between(0, 6) === 0 ? 1 : 0;
      killed.failure = (["none", "before", "after", "tell"] as const)[random.between(0, 3)] ?? "none";
      if (random.between(0, 4) === 0) monitor = killed.monitor();
      await monitor.round([VERSION], untilMs);
    }
    killed.failure = "none";
    killed.scores.failures = 0;
    await killed.monitor().round([VERSION], END_MS);
    assert.deepEqual(killed.rows, whole.rows);
    assert.equal(alarmsOf(killed).length, 1);
    const idsOf = (tables: DriftRounds): string[] => [
      ...new Set(
        tables.told.flatMap(({ changes }) =>
          changes.map(({ change, atMs, incident }) => `${incident.id} ${change} ${atMs}`),
        ),
      ),
    ];
    assert.deepEqual(idsOf(killed), idsOf(whole));
    assert.deepEqual(observationsOf(killed), observationsOf(whole));
  });

  it("feed each score once to the detectors, and report their alarms", async () => {
    const tables = new DriftRounds();
    await tables.monitor().round([VERSION], END_MS);
    const all = Array.from({ length: HOURS * SCORES_PER_HOUR }, (_, number) => number).filter(hasRows);
    assert.deepEqual(tables.scores.fed, all);
    const windows = tables.rows.filter(({ role }) => role === "window");
    assert.deepEqual(
      windows.map((row) => row["detector_rows"]),
      Array.from({ length: HOURS }, (_, hour) => (hour === 7 ? 0 : SCORES_PER_HOUR)),
    );
    const alarms = windows.flatMap(
      (row) => row["detector_alarms"] as { detector: string; drift_at: string }[],
    );
    assert.deepEqual(
      alarms.map(({ detector }) => detector),
      ["page_hinkley"],
    );
    const afterMs = Date.parse(alarms[0]?.drift_at ?? "") - madeMs(DRIFT_FROM * SCORES_PER_HOUR);
    assert.ok(afterMs > 0 && afterMs < HOUR_MS, `${afterMs} ms after the change`);
    const told = tables.told.flatMap((window) => toScoreEvents(window));
    assert.equal(told.length, 1);
    const counted = tables.told.flatMap((window) => toScoreObservations(window));
    assert.deepEqual(
      counted.map(({ column, value }) => [column, value]),
      Array.from({ length: HOURS }, (_, hour) => ["page_hinkley", hour === DRIFT_FROM ? 1 : 0]),
    );
    await tables.monitor().round([VERSION], END_MS);
    const again = toScoreEvents(tables.told.at(-1) as JudgedWindow);
    assert.deepEqual(again, [], "the last window had none");
  });

  it("feed each score once when windows overlap, and to none where there is no detector", async () => {
    const sliding = new DriftRounds();
    sliding.settings = { window: "5h", hop: "1h" };
    await sliding.monitor().round([VERSION], END_MS);
    const tumbling = new DriftRounds();
    await tumbling.monitor().round([VERSION], END_MS);
    assert.deepEqual(sliding.scores.fed, tumbling.scores.fed);
    assert.deepEqual(alarmsOf(sliding), alarmsOf(tumbling));
    const without = new DriftRounds();
    without.settings = { detectors: [] };
    await without.monitor().round([VERSION], END_MS);
    assert.deepEqual([without.scores.fed, alarmsOf(without)], [[], []]);
    assert.equal(without.rows.filter(({ role }) => role === "window").length, HOURS);
  });

  it("know what is open only after a round that went well", async () => {
    const tables = new DriftRounds();
    const first = tables.monitor();
    assert.equal(first.findings(VERSION), undefined, "no round yet");
    await first.round([VERSION], START_MS + HOUR_MS);
    assert.deepEqual(first.findings(VERSION)?.incidents, []);
    await first.round([VERSION], END_MS - HOUR_MS);
    assert.equal(first.findings(VERSION)?.incidents.length, 1);
    tables.failure = "before";
    await first.round([VERSION], END_MS);
    assert.equal(first.findings(VERSION), undefined, "ClickHouse is away");
    await first.round([VERSION], END_MS);
    assert.equal(first.findings(VERSION)?.incidents.length, 1);
  });

  it("tell the alerts of an incident after a start, if the monitor died before it did", async () => {
    const tables = new DriftRounds();
    const dying = tables.monitor();
    await dying.round([VERSION], START_MS + (DRIFT_FROM + 2) * HOUR_MS + 20_000);
    tables.failure = "tell";
    await dying.round([VERSION], START_MS + (DRIFT_FROM + 3) * HOUR_MS + 20_000);
    tables.told.length = 0;
    await tables.monitor().round([VERSION], START_MS + (DRIFT_FROM + 3) * HOUR_MS + 20_000);
    const opened = tables.told.flatMap(toObservations).filter(({ metric }) => metric === "drift.incident");
    const windowEnd = START_MS + (DRIFT_FROM + 3) * HOUR_MS;
    assert.deepEqual(
      opened.map((one) => [one.windowEnd, one.value, one.about]),
      [[windowEnd, 2, "columns amount"]],
    );
  });

  it("tell what was measured in a window after a start too, if the monitor died before it did: the same once more", async () => {
    const lastMs = START_MS + 3 * HOUR_MS + 20_000;
    const whole = new DriftRounds();
    await whole.monitor().round([VERSION], lastMs);
    const tables = new DriftRounds();
    const dying = tables.monitor();
    await dying.round([VERSION], lastMs - HOUR_MS);
    tables.failure = "tell";
    await dying.round([VERSION], lastMs);
    assert.equal(tables.told.length, 2, "the third window is stored, and nobody was told");
    const next = tables.monitor();
    await next.round([VERSION], lastMs);
    assert.deepEqual(observationsOf(tables), observationsOf(whole));
    const third = toObservations(tables.told.at(-1) as JudgedWindow);
    assert.deepEqual(third.map(({ metric, column }) => [metric, column]).slice(0, 2), [
      ["volume.rows", undefined],
      ["drift.psi", "amount"],
    ]);
    assert.ok(third.every(({ windowEnd }) => windowEnd === START_MS + 3 * HOUR_MS));
    assert.deepEqual(
      next.latest(VERSION).map(({ column }) => column),
      ["amount"],
      "metrics have it too",
    );
  });

  it("compare with the same hours of earlier weeks when told to", async () => {
    const tables = new DriftRounds();
    tables.settings = { compare_with: "season" };
    await tables.monitor().round([VERSION], END_MS);
    const verdicts = new Set(tables.rows.map(({ verdict }) => verdict));
    assert.deepEqual([...verdicts], ["insufficient"], "there are no earlier weeks");
  });

  it("find no drift in what is so every night, when compared with the season, and a change of it all the same", async () => {
    const week = 7 * 24;
    const changedFrom = 5 * week + 12;
    const countsOf = (hour: number): BinCount[] => {
      const isNight = hour % 24 < 12;
      const isUpper = hour >= changedFrom ? !isNight : isNight;
      return hour < 0 ? [] : hourCounts(isUpper ? DRIFT_FROM : 0); // an hour of the upper half, or of all
    };
    const verdictsOf = async (compare_with: string): Promise<string[]> => {
      const tables = new DriftRounds();
      tables.countsOf = countsOf;
      tables.settings = { compare_with, detectors: [] };
      const monitor = tables.monitor();
      for (let round = 0; round < 6; round++)
        await monitor.round([VERSION], START_MS + (5 * week + 24) * HOUR_MS + 20_000);
      const windows = tables.rows.filter(({ role }) => role === "window");
      return windows.map(({ verdict }) => String(verdict));
    };
    const season = await verdictsOf("season");
    assert.equal(season.length, 5 * week + 24);
    assert.deepEqual(new Set(season.slice(2 * week, changedFrom)), new Set(["none"]));
    assert.deepEqual(new Set(season.slice(changedFrom)), new Set(["drift"]));
    const reference = await verdictsOf("reference");
    assert.equal(reference.filter((verdict) => verdict === "drift").length, (5 * week) / 2 + 24);
  });

  it("let a series without predictions for a day have no say", async () => {
    const tables = new DriftRounds();
    const bins = PROFILE.columns[0]?.counts.length ?? 0;
    tables.countsOf = (hour) =>
      hour >= 0 && hour < 4
        ? [{ variant: "", role: "input", feature: "amount", bin: bins, count: 1_000 }]
        : [];
    tables.refusedOf = () => 3; // who is asked for by mistake now and then is idle too
    const monitor = tables.monitor();
    await monitor.round([VERSION], START_MS + 10 * HOUR_MS);
    assert.equal(monitor.findings(VERSION)?.incidents.length, 1);
    await monitor.round([VERSION], START_MS + 30 * HOUR_MS);
    assert.deepEqual(monitor.findings(VERSION)?.incidents, []);
  });

  it("leave a version alone whose settings are wrong, and go on with the others", async () => {
    const tables = new DriftRounds();
    tables.settings = { window: "7 parsecs" };
    await tables.monitor().round([VERSION], END_MS);
    assert.equal(tables.rows.length, 0);
  });
});
