/** What holds of incidents whatever the windows: replays, repeats, gaps, bounds. Random histories; TEST_SEED repeats one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDriftSettings } from "../../../../../engine/monitor/drift/drift-settings.ts";
import {
  CAUSES,
  createIncidentState,
  fold,
  type IncidentState,
} from "../../../../../engine/monitor/drift/incident.ts";
import type { WindowVerdict } from "../../../../../engine/monitor/drift/window-verdict.ts";
import { createRandom, type Random } from "../../../../support/random.ts";
import { SERIES, SIGNS, type Sign, tell, verdictOf } from "../../../../support/verdict-windows.ts";

const HISTORIES = 60;
const WINDOWS = 120;
const COLUMNS = ["a", "b", "c", "d", "e"];

/** Columns that keep their sign for a while; windows at even numbers only, so that others fit between. */
function randomHistory(random: Random): WindowVerdict[] {
  const signs = new Map<string, Sign>();
  let reference = 1;
  return Array.from({ length: WINDOWS }, (_, number) => {
    for (const column of COLUMNS)
      if (!signs.has(column) || random.next() < 0.25)
        signs.set(
          column,
          random.next() < 0.5 ? "quiet" : (SIGNS[random.between(0, SIGNS.length - 1)] as Sign),
        );
    if (random.next() < 0.02) reference++;
    return verdictOf(2 * number, Object.fromEntries(signs), `r${reference}`);
  });
}

function forEachHistory(check: (history: WindowVerdict[], random: Random, why: string) => void): void {
  const random = createRandom();
  for (let run = 0; run < HISTORIES; run++)
    check(randomHistory(random), random, `seed ${random.seed}, run ${run}`);
}

const settings = parseDriftSettings({ windows_needed: 2, windows_considered: 4, quiet_windows: 3 });

describe("incidents of random histories", () => {
  it("open and close in turn, one of a cause at a time, each with an id of its own", () => {
    const seen = { opened: 0, extended: 0, escalated: 0, closed: 0 };
    forEachHistory((history, _, why) => {
      const open = new Map<string, string>();
      const ids = new Set<string>();
      for (const { change, incident, columns, atMs } of tell(history, settings).changes) {
        seen[change]++;
        if (change === "opened") {
          assert.ok(!open.has(incident.cause) && !ids.has(incident.id), why);
          open.set(incident.cause, incident.id);
          ids.add(incident.id);
        }
        assert.equal(open.get(incident.cause), incident.id, why);
        if (change === "closed") open.delete(incident.cause);
        assert.ok(
          columns.length > 0 &&
            columns.every((name) => incident.columns.some(({ column }) => column === name)),
          why,
        );
        assert.equal(
          new Set(incident.columns.map(({ column }) => column)).size,
          incident.columns.length,
          why,
        );
        assert.ok(incident.firstWindowMs < incident.openedMs && incident.openedMs <= atMs, why);
        assert.ok(
          incident.columns.every(({ sinceMs, joinedMs }) => sinceMs < joinedMs && joinedMs <= atMs),
          why,
        );
      }
    });
    for (const [change, count] of Object.entries(seen)) assert.ok(count > 20, `${change}: ${count}`);
  });

  it("are the same to the bit when a killed monitor repeats its latest round from the stored state", () => {
    forEachHistory((history, random, why) => {
      const expected = tell(history, settings);
      let stored = JSON.stringify(createIncidentState(SERIES));
      const lines: string[] = [];
      for (const verdict of history) {
        const round = (): string => {
          const folded = fold(JSON.parse(stored) as IncidentState, verdict, settings);
          stored = JSON.stringify(folded.state);
          return JSON.stringify(folded.changes);
        };
        const changes = round();
        if (random.next() < 0.3) assert.equal(round(), changes, why);
        lines.push(...(JSON.parse(changes) as unknown[]).map((change) => JSON.stringify(change)));
      }
      assert.equal(stored, JSON.stringify(expected.state), why);
      assert.deepEqual(
        lines,
        expected.changes.map((change) => JSON.stringify(change)),
        why,
      );
    });
  });

  it("do not change with windows between that say nothing", () => {
    forEachHistory((history, random, why) => {
      const silent = Object.fromEntries(COLUMNS.map((column) => [column, "insufficient" as const]));
      const mixed = history.flatMap((verdict, number) =>
        random.next() < 0.5 ? [verdict] : [verdict, verdictOf(2 * number + 1, silent, verdict.referenceId)],
      );
      assert.deepEqual(tell(mixed, settings).changes, tell(history, settings).changes, why);
    });
  });

  it("leave their input alone and keep a state of bounded size", () => {
    forEachHistory((history, _, why) => {
      let state = createIncidentState(SERIES);
      for (const verdict of history) {
        const before = JSON.stringify(state);
        const next = fold(state, verdict, settings).state;
        assert.equal(JSON.stringify(state), before, why);
        state = next;
        for (const cause of CAUSES) {
          const { tracks, incident } = state.causes[cause];
          const size = Object.values(tracks).map(({ marks }) => marks.length);
          assert.ok(
            size.length <= COLUMNS.length && Math.max(0, ...size) <= settings.windows_considered,
            why,
          );
          const isActive = Object.values(tracks).some((track) => track.isActive);
          assert.equal(incident !== null, isActive, why);
        }
      }
    });
  });

  it("leave nothing behind once all is quiet", () => {
    forEachHistory((history, _, why) => {
      const calm = Object.fromEntries(COLUMNS.map((column) => [column, "quiet" as const]));
      const after = Array.from({ length: 10 }, (_, number) => verdictOf(2 * WINDOWS + number, calm, "r1"));
      const { causes } = tell([...history, ...after], settings).state;
      const nothing = { tracks: {}, incident: null };
      assert.deepEqual(causes, { drift: nothing, data_quality: nothing }, why);
    });
  });
});
