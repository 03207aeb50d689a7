/**
 * What an event and a reading cost for a window of 1 h and of 30 d, by the engine's own code without any server: the state
 * decoded, changed and encoded; a window read. Events are spread over the whole of the window, so all its tiles are there.
 */
import { median } from "simple-statistics";
import { parseFeatureSet } from "../engine/core/feature-set.ts";
import { columnsOf, compileColumns } from "../engine/features/column-plan.ts";
import { EntityState } from "../engine/features/entity-state.ts";
import { StateView } from "../engine/features/state-view.ts";
import { windowValue } from "../engine/features/window-value.ts";
import type { Figure } from "./feature-figure.ts";
import { type BenchSet, LONG, SHORT } from "./feature-sets.ts";
import { round } from "./report.ts";

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 1);
const EVENTS_BEFORE = 1_000;
const CALLS = 20_000;
const ROUNDS = 5;

interface Cost {
  readonly eventMicros: number;
  readonly readMicros: number;
}

export function measureWindowCost(): Figure[] {
  const short: Cost[] = [];
  const long: Cost[] = [];
  for (let turn = 0; turn <= ROUNDS; turn++) {
    const costs = [measure(SHORT, HOUR_MS), measure(LONG, 30 * 24 * HOUR_MS)] as const;
    if (turn === 0) continue;
    short.push(costs[0]);
    long.push(costs[1]);
  }
  const compared = (what: string, field: keyof Cost): Figure => {
    const [measured, ceiling] = [long, short].map((costs) => median(costs.map((cost) => cost[field])));
    return {
      what,
      measured: round(measured ?? 0),
      ceiling: round(ceiling ?? 0),
      ratio: round((measured ?? 0) / (ceiling ?? 0)),
      goal: "near 1",
    };
  };
  return [
    compared("an event into 3 windows of 30 d; of 1 h, µs", "eventMicros"),
    compared("a reading of 3 windows of 30 d; of 1 h, µs", "readMicros"),
  ];
}

function measure(set: BenchSet, windowMs: number): Cost {
  const parsed = parseFeatureSet(set);
  const plan = compileColumns([parsed]);
  const stepMs = windowMs / EVENTS_BEFORE;
  const eventAt = (index: number) => {
    const eventMs = START_MS + Math.floor(index * stepMs);
    const fields = { f0: index % 100, f1: index % 90, f2: index % 80 };
    return { eventId: "", entityId: "", eventMs, arrivalMs: eventMs, seq: index + 1, isEvent: true, fields };
  };
  const state = new EntityState();
  for (let index = 0; index < EVENTS_BEFORE; index++) state.apply(eventAt(index), 1, plan);
  let bytes = state.toBuffer();
  const startedMs = performance.now();
  for (let index = 0; index < CALLS; index++) {
    const one = EntityState.from(bytes);
    one.apply(eventAt(EVENTS_BEFORE + index), 1, plan);
    bytes = one.toBuffer();
  }
  const eventMicros = ((performance.now() - startedMs) * 1000) / CALLS;
  return { eventMicros, readMicros: readMicros(parsed, bytes, eventAt(EVENTS_BEFORE + CALLS).eventMs) };
}

function readMicros(set: ReturnType<typeof parseFeatureSet>, bytes: Buffer, asOfMs: number): number {
  const columns = columnsOf(set);
  const windows = set.features.filter((feature) => feature.kind === "window");
  let sum = 0;
  const startedMs = performance.now();
  for (let index = 0; index < CALLS; index++) {
    const view = new StateView(bytes);
    for (const { name, aggregation } of windows) {
      const column = columns.get(name);
      if (column !== undefined) sum += windowValue(aggregation, column, view.window(column, asOfMs)) ?? 0;
    }
  }
  if (!(sum > 0)) throw new Error("the windows are empty");
  return ((performance.now() - startedMs) * 1000) / CALLS;
}
