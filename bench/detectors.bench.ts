/**
 * The streaming drift detectors: updates a second on one core, beside a loop that only keeps a running mean and beside
 * River's own in Python; and how far apart the false alarms of their defaults are on streams that do not change.
 *
 * River is asked for with `BENCH_PYTHON` (or python3) and left out where it is not installed.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { median } from "simple-statistics";
import { SeededRandom } from "../engine/core/seeded-random.ts";
import { Adwin } from "../engine/monitor/detectors/adwin.ts";
import type { DriftDetector } from "../engine/monitor/detectors/drift-detector.ts";
import { Kswin } from "../engine/monitor/detectors/kswin.ts";
import { PageHinkley } from "../engine/monitor/detectors/page-hinkley.ts";
import { type Draw, errors, normal } from "../test/support/drift-streams.ts";
import { PROJECT } from "../test/support/model-folder.ts";
import { type Report, round } from "./report.ts";

const VALUES = 1 << 20;
const ROUNDS = 5;
/** Values between two looks at the clock. */
const STRETCH = 10_000;

interface Subject {
  readonly create: () => DriftDetector;
  /** With the options of River's, which its speed is measured with. */
  readonly asRiver: () => DriftDetector;
  readonly goalPerSecond: number;
}

const SUBJECTS: Readonly<Record<string, Subject>> = {
  ADWIN: {
    create: () => new Adwin(),
    asRiver: () => new Adwin({ mode: "river", delta: 0.002 }),
    goalPerSecond: 3e6,
  },
  "Page-Hinkley": {
    create: () => new PageHinkley(),
    asRiver: () => new PageHinkley({ mode: "river", delta: 0.005, threshold: 50, warm_up: 30 }),
    goalPerSecond: 20e6,
  },
  KSWIN: {
    create: () => new Kswin(),
    asRiver: () => new Kswin({ alpha: 0.005, window_size: 100, stat_size: 30 }),
    goalPerSecond: 100e3,
  },
};

const UNCHANGED: Readonly<Record<string, Draw>> = {
  "N(0, 1)": normal(),
  "errors, 0.5": errors(0.5),
  "errors, 0.1": errors(0.1),
  "errors, 0.01": errors(0.01),
  "log-normal": (random) => Math.exp(random.normal()),
  "prices, log-normal (4, 1)": (random) => Math.exp(4 + random.normal()),
  "rare scores, logit of N(-7, 2)": (random) => 1 / (1 + Math.exp(7 - 2 * random.normal())),
};

export async function benchDetectors(seconds: number): Promise<Report> {
  const random = new SeededRandom(1);
  const values = Float64Array.from({ length: VALUES }, () => random.normal());
  const mean = typical(() => runningMean(values));
  const river = riverPerSecond();
  const rows: Record<string, string | number>[] = [row("running mean alone", mean, mean)];
  const ratios: Record<string, number> = {};
  for (const [name, { create, asRiver, goalPerSecond }] of Object.entries(SUBJECTS)) {
    const part = values.subarray(0, goalPerSecond < 1e6 ? VALUES / 16 : VALUES);
    const own = typical(() => updatesPerSecond(create(), part));
    const likeRiver = typical(() => updatesPerSecond(asRiver(), part));
    rows.push(row(name, own, mean), row(`${name}, River's options`, likeRiver, mean));
    ratios[`${name}: M updates/s (goal ≥ ${goalPerSecond / 1e6})`] = round(own / 1e6);
    const theirs = river?.[name];
    if (theirs === undefined) continue;
    rows.push(row(`${name}, River in Python`, theirs, mean));
    ratios[`${name}: ours with River's options / River`] = round(likeRiver / theirs, 1);
  }
  for (const [name, { create }] of Object.entries(SUBJECTS))
    for (const [what, draw] of Object.entries(UNCHANGED))
      rows.push(falseAlarms(name, create(), what, draw, seconds));
  return { title: "Drift detectors, one core", rows, ratios };
}

function row(what: string, perSecond: number, mean: number): Record<string, string | number> {
  return { what, "M updates/s": round(perSecond / 1e6, 3), "of running mean": round(perSecond / mean, 3) };
}

/** Median of some rounds; one before them warms up. */
function typical(measure: () => number): number {
  measure();
  return median(Array.from({ length: ROUNDS }, measure));
}

function updatesPerSecond(detector: DriftDetector, values: Float64Array): number {
  let drifts = 0;
  const startedMs = performance.now();
  for (let index = 0; index < values.length; index++) if (detector.update(values[index] as number)) drifts++;
  const elapsedMs = performance.now() - startedMs;
  if (drifts > values.length / 100) throw new Error(`${drifts} drifts in ${values.length} values`);
  return (values.length * 1000) / elapsedMs;
}

function runningMean(values: Float64Array): number {
  let mean = 0;
  const startedMs = performance.now();
  for (let index = 0; index < values.length; index++)
    mean += ((values[index] as number) - mean) / (index + 1);
  const elapsedMs = performance.now() - startedMs;
  if (!(Math.abs(mean) < 1)) throw new Error(`the mean of the values is ${mean}`);
  return (values.length * 1000) / elapsedMs;
}

/** Feeds a stream that does not change for a quarter of `seconds`. */
function falseAlarms(
  name: string,
  detector: DriftDetector,
  what: string,
  draw: Draw,
  seconds: number,
): Record<string, string | number> {
  const random = new SeededRandom(2);
  let alarms = 0;
  let values = 0;
  const endMs = performance.now() + seconds * 250;
  for (; performance.now() < endMs; values += STRETCH)
    for (let index = 0; index < STRETCH; index++) if (detector.update(draw(random))) alarms++;
  return {
    what: `${name} on ${what}`,
    "M values": round(values / 1e6, 1),
    "false alarms": alarms,
    "per day at 10/s": round((alarms * 864_000) / values, 3),
  };
}

function riverPerSecond(): Readonly<Record<string, number>> | undefined {
  const python = process.env["BENCH_PYTHON"] ?? "python3";
  const run = spawnSync(python, [join(PROJECT, "bench/river-detectors.py")], { encoding: "utf8" });
  if (run.status === 0) return JSON.parse(run.stdout) as Record<string, number>;
  console.log(`River is left out: ${python} cannot import it (BENCH_PYTHON names another Python)`);
  return undefined;
}
