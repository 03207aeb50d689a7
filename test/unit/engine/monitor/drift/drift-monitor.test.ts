/** Rounds of drift over counts in memory: windows in order, none skipped, and the same after whatever interrupts them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { toScoreEvents, toScoreObservations } from "../../../../../engine/monitor/detectors/score-news.ts";
import type { ScoreTable } from "../../../../../engine/monitor/detectors/score-watch.ts";
import type { WatchedVersion } from "../../../../../engine/monitor/drift/count-keeper.ts";
import { DriftMonitor, type JudgedWindow } from "../../../../../engine/monitor/drift/drift-monitor.ts";
import { toObservations } from "../../../../../engine/monitor/drift/drift-news.ts";
import type { BinCount } from "../../../../../engine/monitor/drift/window-measures.ts";
import { buildProfile } from "../../../../../engine/monitor/references/reference-builder.ts";
import { createRandom } from "../../../../support/random.ts";

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 5);
const HOURS = 40;
const DRIFT_FROM = 20;
const COLUMN = { name: "amount", role: "input", type: "number" } as const;
const PROFILE = buildProfile(
  [COLUMN],
  new Map([["amount", Float32Array.from({ length: 5_000 }, (_, at) => at)]]),
);
const VERSION: WatchedVersion = {
  model: "watched",
  version: "1.0.0",
  referenceId: "reference",
  profile: PROFILE,
  texts: [],
};

/** Rows of an hour: spread over all bins, from hour DRIFT_FROM on over the upper half only. Hour 7 has none. */
function hourCounts(hour: number): BinCount[] {
  if (hour === 7 || hour < 0 || hour >= HOURS) return [];
  const bins = PROFILE.columns[0]?.counts.length ?? 0;
  const first = hour < DRIFT_FROM ? 1 : Math.floor(bins / 2);
  return Array.from({ length: bins - 1 - first }, (_, at) => ({
    variant: "",
    role: "input" as const,
    feature: "amount",
    bin: first + at,
    count: 60 + ((hour * 7 + at) % 5),
  }));
}

const SCORES_PER_HOUR = 400;

/** The score of the prediction with this number, from the first hour on; from hour DRIFT_FROM on they are higher. */
function scoreOf(number: number): number {
  const hour = Math.floor(number / SCORES_PER_HOUR);
  return ((number * 7919) % 1000) / 1000 + (hour < DRIFT_FROM ? 0 : 1);
}

/** Scores of every hour that has counts, in chunks of some. */
class ScoresInMemory implements ScoreTable {
  /** Numbers of the predictions that were read, and how often a reading fails. */
  readonly fed: number[] = [];
  failures = 0;

  async count({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): Promise<number> {
    return this.#numbers(fromMs, toMs).length;
  }

  async *read({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }, rows: number) {
    const numbers = this.#numbers(fromMs, toMs).slice(0, rows);
    for (let first = 0; first < numbers.length; first += 150) {
      if (first > 0 && this.failures-- > 0) throw new Error("ClickHouse went away");
      const part = numbers.slice(first, first + 150);
      this.fed.push(...part);
      yield {
        values: Float32Array.from(part, scoreOf),
        madeMs: Float64Array.from(part, (number) => madeMs(number)),
      };
    }
  }

  #numbers(fromMs: number, toMs: number): number[] {
    const numbers = Array.from({ length: HOURS * SCORES_PER_HOUR }, (_, number) => number);
    return numbers.filter((number) => madeMs(number) >= fromMs && madeMs(number) < toMs && hasRows(number));
  }
}

function madeMs(number: number): number {
  return START_MS + (number * HOUR_MS) / SCORES_PER_HOUR;
}

function hasRows(number: number): boolean {
  return Math.floor(number / SCORES_PER_HOUR) !== 7;
}

class Tables {
  readonly scores = new ScoresInMemory();
  readonly rows: Readonly<Record<string, unknown>>[] = [];
  readonly told: JudgedWindow[] = [];
  readonly #tokens = new Set<string>();
  failure: "none" | "before" | "after" | "tell" = "none";
  settings: unknown;
  countsOf: (hour: number) => BinCount[] = hourCounts;

  monitor(): DriftMonitor {
    return new DriftMonitor({
      counts: {
        sum: async (_, spans) =>
          spans.flatMap(([startS, endS]) => {
            const counts: BinCount[] = [];
            for (let at = startS * 1000; at < endS * 1000; at += HOUR_MS)
              counts.push(...this.countsOf((at - START_MS) / HOUR_MS));
            return counts;
          }),
        firstPaneMs: async () => START_MS,
      },
      scores: this.scores,
      reports: {
        insert: async (rows, token) => {
          const failure = this.failure === "tell" ? "none" : this.failure;
          if (failure !== "none") this.failure = "none";
          if (failure === "before") throw new Error("ClickHouse is away");
          assert.ok(!this.#tokens.has(token), `${token} is inserted twice`);
          this.#tokens.add(token);
          this.rows.push(...rows);
          if (failure === "after") throw new Error("the answer was lost");
        },
        runningInserts: async () => 0,
        latest: async () => {
          const last = this.rows.findLast(({ role }) => role === "window");
          if (last === undefined) return [];
          return [
            { variant: "", windowEndMs: Number(last["window_end"]) * 1000, state: String(last["state"]) },
          ];
        },
      },
      settingsOf: async () => this.settings,
      tell: async (window) => {
        if (this.failure === "tell") {
          this.failure = "none";
          throw new Error("killed before it was told");
        }
        this.told.push(window);
      },
      now: () => 0,
      logger: pino({ level: "silent" }),
    });
  }
}

function alarmsOf({ rows }: Tables): unknown[] {
  return rows.flatMap((row) => (row["detector_alarms"] as unknown[] | undefined) ?? []);
}

const END_MS = START_MS + HOURS * HOUR_MS + 10_000;

describe("rounds of drift", () => {
  it("judge every window once it is over, and open one incident when drift persists", async () => {
    const tables = new Tables();
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
    const whole = new Tables();
    await whole.monitor().round([VERSION], END_MS);
    const random = createRandom();
    t.diagnostic(`TEST_SEED=${random.seed}`);
    const killed = new Tables();
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
    const idsOf = (tables: Tables): string[] => [
      ...new Set(
        tables.told.flatMap(({ changes }) =>
          changes.map(({ change, atMs, incident }) => `${incident.id} ${change} ${atMs}`),
        ),
      ),
    ];
    assert.deepEqual(idsOf(killed), idsOf(whole));
  });

  it("feed each score once to the detectors, and report their alarms", async () => {
    const tables = new Tables();
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
    const sliding = new Tables();
    sliding.settings = { window: "5h", hop: "1h" };
    await sliding.monitor().round([VERSION], END_MS);
    const tumbling = new Tables();
    await tumbling.monitor().round([VERSION], END_MS);
    assert.deepEqual(sliding.scores.fed, tumbling.scores.fed);
    assert.deepEqual(alarmsOf(sliding), alarmsOf(tumbling));
    const without = new Tables();
    without.settings = { detectors: [] };
    await without.monitor().round([VERSION], END_MS);
    assert.deepEqual([without.scores.fed, alarmsOf(without)], [[], []]);
    assert.equal(without.rows.filter(({ role }) => role === "window").length, HOURS);
  });

  it("know what is open only after a round that went well", async () => {
    const tables = new Tables();
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
    const tables = new Tables();
    const dying = tables.monitor();
    await dying.round([VERSION], START_MS + (DRIFT_FROM + 2) * HOUR_MS + 10_000);
    tables.failure = "tell";
    await dying.round([VERSION], START_MS + (DRIFT_FROM + 3) * HOUR_MS + 10_000);
    tables.told.length = 0;
    await tables.monitor().round([VERSION], START_MS + (DRIFT_FROM + 3) * HOUR_MS + 10_000);
    const opened = tables.told.flatMap(toObservations).filter(({ metric }) => metric === "drift.incident");
    const windowEnd = START_MS + (DRIFT_FROM + 3) * HOUR_MS;
    assert.deepEqual(
      opened.map((one) => [one.windowEnd, one.value, one.about]),
      [[windowEnd, 2, "columns amount"]],
    );
  });

  it("compare with the same hours of earlier weeks when told to", async () => {
    const tables = new Tables();
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
      const tables = new Tables();
      tables.countsOf = countsOf;
      tables.settings = { compare_with, detectors: [] };
      const monitor = tables.monitor();
      for (let round = 0; round < 6; round++)
        await monitor.round([VERSION], START_MS + (5 * week + 24) * HOUR_MS + 10_000);
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

  it("hold back retraining from the first window with broken values, before it is an incident", async () => {
    const tables = new Tables();
    const bins = PROFILE.columns[0]?.counts.length ?? 0;
    tables.countsOf = (hour) =>
      hour < 9 ? hourCounts(0) : [{ variant: "", role: "input", feature: "amount", bin: bins, count: 1_000 }]; // all null
    const monitor = tables.monitor();
    await monitor.round([VERSION], START_MS + 9 * HOUR_MS + 10_000);
    assert.deepEqual(monitor.findings(VERSION), { incidents: [], pending: [] });
    await monitor.round([VERSION], START_MS + 10 * HOUR_MS + 10_000);
    assert.equal(monitor.findings(VERSION)?.incidents.length, 0);
    assert.equal(monitor.findings(VERSION)?.pending.length, 1);
    await monitor.round([VERSION], START_MS + 11 * HOUR_MS + 10_000);
    const found = monitor.findings(VERSION);
    assert.deepEqual([found?.incidents[0]?.cause, found?.pending], ["data_quality", []]);
  });

  it("let a series without predictions for a day have no say", async () => {
    const tables = new Tables();
    const bins = PROFILE.columns[0]?.counts.length ?? 0;
    tables.countsOf = (hour) =>
      hour >= 0 && hour < 4
        ? [{ variant: "", role: "input", feature: "amount", bin: bins, count: 1_000 }]
        : [];
    const monitor = tables.monitor();
    await monitor.round([VERSION], START_MS + 10 * HOUR_MS);
    assert.equal(monitor.findings(VERSION)?.incidents.length, 1);
    await monitor.round([VERSION], START_MS + 30 * HOUR_MS);
    assert.deepEqual(monitor.findings(VERSION)?.incidents, []);
  });

  it("leave a version alone whose settings are wrong, and go on with the others", async () => {
    const tables = new Tables();
    tables.settings = { window: "7 parsecs" };
    await tables.monitor().round([VERSION], END_MS);
    assert.equal(tables.rows.length, 0);
  });
});
