/**
 * Predictions whose 25 of 30 inputs come from Redis (20 last values, 5 windows), against the same model with all of them
 * in the request. Requests go through 10,000 entities in turn, so that the local cache has hardly any of them.
 */
import { median } from "simple-statistics";
import { readModelFolder } from "../storage/model-folder.ts";
import { fixture } from "../test/support/model.ts";
import { pushBody, untilServed, withManifest } from "../test/support/model-requests.ts";
import { engineCpu } from "./cpu.ts";
import type { FeatureEngine } from "./feature-engine.ts";
import type { Figure } from "./feature-figure.ts";
import { PAYER } from "./feature-sets.ts";
import type { LoadResult } from "./load/job.ts";
import { runLoad } from "./load/run-load.ts";
import { failuresOf } from "./load/subject.ts";
import { round } from "./report.ts";
import { requestBody } from "./setup.ts";

const MODEL = "bench-payer";
const CONNECTIONS = 64;
const ENTITIES = 10_000;
const EVENTS_EACH = 3;
const HOUR_MS = 3_600_000;
const ROUNDS = 3;
const WARM_UP_SECONDS = 2;

/** The same trees: its first 25 inputs name features. */
export async function pushFeatureModel({ engine }: FeatureEngine): Promise<void> {
  const model = await readModelFolder(fixture("bench"));
  const { name: set, version } = PAYER;
  const inputs = model.manifest.inputs.map((input, index) => {
    const feature = PAYER.features[index];
    return feature === undefined
      ? input
      : { ...input, feature: { set, version, name: String(feature["name"]) } };
  });
  const response = await engine.post(
    "/models",
    pushBody(withManifest(model, { name: MODEL, inputs }), "production"),
  );
  if (!response.ok) throw new Error(`the model was refused: ${await response.text()}`);
  await untilServed(engine, MODEL, model.manifest.version);
}

export async function fillPayers(bench: FeatureEngine): Promise<void> {
  await bench.publish({
    entityType: PAYER.name,
    events: ENTITIES * EVENTS_EACH,
    entities: ENTITIES,
    order: "in turn",
    fields: 20,
    spreadMs: HOUR_MS / 2,
  });
  await bench.untilIngested();
  await bench.untilStored();
}

export async function measurePredictions(bench: FeatureEngine, seconds: number): Promise<Figure[]> {
  const whole = await requestBody();
  const { features } = JSON.parse(whole) as { features: Record<string, number> };
  const own = Object.fromEntries(Object.entries(features).slice(PAYER.features.length));
  const ask = (id: string): string => JSON.stringify({ model: MODEL, entity_id: id, features: own });
  const subjects = {
    whole: [whole],
    stored: Array.from({ length: ENTITIES }, (_, index) => ask(`e${index}`)),
    cached: [ask("e0")],
  };
  const loads = { whole: [], stored: [], cached: [] } as Record<keyof typeof subjects, Measured[]>;
  const before = await bench.unavailable();
  for (let turn = 0; turn <= ROUNDS; turn++) {
    for (const name of ["whole", "stored", "cached"] as const) {
      const load = await measure(bench, subjects[name], turn === 0 ? WARM_UP_SECONDS : seconds);
      if (turn > 0) loads[name].push(load);
    }
  }
  return toFigures(loads, (await bench.unavailable()) - before);
}

interface Measured {
  readonly rate: number;
  readonly p99Ms: number;
  readonly cpuMicros: number;
  readonly failed: number;
}

async function measure(
  { engine }: FeatureEngine,
  bodies: readonly string[],
  seconds: number,
): Promise<Measured> {
  const before = engineCpu(engine.pid).dataPlane;
  const url = `${engine.httpUrl}/predict`;
  const load: LoadResult = await runLoad({ url, bodies, connections: CONNECTIONS, seconds });
  const cpuMicros = ((engineCpu(engine.pid).dataPlane - before) * 1000) / load.latency.count;
  return { rate: load.rate, p99Ms: load.latency.p99, cpuMicros, failed: failuresOf(load) };
}

function toFigures(loads: Readonly<Record<string, Measured[]>>, unavailable: number): Figure[] {
  const of = (name: string, field: keyof Measured): number =>
    median((loads[name] ?? []).map((load) => load[field]));
  const rate = (name: string): number => Math.round(of(name, "rate"));
  const text = (name: string): string =>
    `${rate(name)} (p99 ${round(of(name, "p99Ms"), 1)} ms, CPU ${round(of(name, "cpuMicros"), 1)} µs each)`;
  const errors = Object.values(loads)
    .flat()
    .reduce((sum, load) => sum + load.failed, 0);
  const compared = (name: string): Figure => ({
    what: `predictions with 25 of 30 inputs from ${name === "stored" ? "Redis" : "the cache (one entity)"}, requests/s; all in the request`,
    measured: text(name),
    ceiling: text("whole"),
    ratio: round(rate(name) / rate("whole")),
  });
  return [
    { ...compared("stored"), goal: "≥ 0.5" },
    compared("cached"),
    { what: "failed requests; entities served with defaults", measured: `${errors}; ${unavailable}` },
  ];
}
