/**
 * The performance of one variant of a version in one window: from labels where there are enough of them, else estimated from scores,
 * and compared with the version's reference and with the champion in the same window.
 *
 * Bound: ROWS_MAX rows, give or take chance; of more, a fixed part of the requests is taken, always the same one, of both versions.
 */
import { EngineError } from "../../core/errors.ts";
import type { LabelPositions } from "../../core/labelled-rows.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import { modelKindOf } from "../references/reference-document.ts";
import { type ChampionComparison, comparePairs } from "./champion-pairs.ts";
import { estimateFromRows } from "./estimated-performance.ts";
import { compareMetrics, type MetricComparison } from "./metric-comparison.ts";
import type { MetricSet } from "./metric-value.ts";
import { performanceBySlice } from "./performance-by-slice.ts";
import { codeSlices, planSlices } from "./performance-slices.ts";
import { type PerformanceVersion, thresholdOf, type WindowRows } from "./performance-version.ts";
import { measurePerformance } from "./realised-performance.ts";
import { usableRows } from "./usable-rows.ts";

const ROWS_MAX = 200_000;
/** The part that is drawn is a little larger or smaller than it should be. */
const ROWS_READ_MAX = 2 * ROWS_MAX;

export interface WindowTask {
  readonly version: PerformanceVersion;
  readonly fromMs: number;
  readonly toMs: number;
  readonly upTo: LabelPositions;
  readonly labelsMin: number;
  readonly slices: readonly string[];
}

export interface VariantTask extends WindowTask {
  readonly variant: string;
  /** Predictions, and those of them that have a label. */
  readonly total: number;
  readonly labelled: number;
  readonly champion: ChampionWindow | undefined;
}

export interface MeasuredSlice {
  /** Column and slice; both empty for all rows. */
  readonly by: string;
  readonly slice: string;
  /** That were measured. */
  readonly rows: number;
  readonly metrics: MetricSet;
}

export interface VariantPerformance {
  readonly variant: string;
  readonly rows: number;
  readonly labelled: number;
  /** All rows first; undefined where labels are too few. */
  readonly realised: readonly MeasuredSlice[] | undefined;
  /** Why there is nothing realised; else empty. */
  readonly reason: string;
  readonly estimated: MeasuredSlice | undefined;
  /** Of what is realised, or else estimated, over all rows. */
  readonly againstReference: readonly MetricComparison[];
  readonly againstChampion: readonly ChampionComparison[];
}

/** The version in production, and how it did in the window. */
export interface ChampionWindow {
  readonly manifest: ModelManifest;
  readonly metrics: MetricSet;
}

/** One row in so many is taken. */
function oneIn(rows: number): number {
  return Math.max(1, Math.ceil(rows / ROWS_MAX));
}

export async function assessVariant(rows: WindowRows, task: VariantTask): Promise<VariantPerformance> {
  const { version, variant, total, labelled, labelsMin } = task;
  const { reference } = version;
  const found = labelled < labelsMin ? [] : await orReason(measureLabelled(rows, task));
  const common = { variant, rows: total, labelled, againstChampion: [] };
  if (typeof found === "string" || (found[0]?.rows ?? 0) < labelsMin) {
    const usable = typeof found === "string" ? 0 : (found[0]?.rows ?? labelled);
    const reason = typeof found === "string" ? found : `${usable} labelled rows, fewer than ${labelsMin}`;
    const estimate = await orReason(estimateVariant(rows, task));
    const estimated = typeof estimate === "string" ? undefined : estimate;
    const againstReference = compareMetrics(estimated?.metrics ?? {}, reference?.metrics ?? {});
    return { ...common, realised: undefined, reason, estimated, againstReference };
  }
  const metrics = found[0]?.metrics ?? {};
  const againstReference = compareMetrics(metrics, reference?.metrics ?? {});
  const againstChampion = await compareWithChampion(rows, task, metrics);
  return { ...common, realised: found, reason: "", estimated: undefined, againstReference, againstChampion };
}

/** Rows that no metric takes, such as a probability of 2, are the report's reason, and hold up no later window. */
async function orReason<T>(measuring: Promise<T>): Promise<T | string> {
  try {
    return await measuring;
  } catch (error) {
    if (error instanceof EngineError && error.code === "INVALID_REQUEST") return error.message;
    throw error;
  }
}

/** The champion's own rows of the window; undefined where too few have a label. */
export async function assessChampion(
  rows: WindowRows,
  { version, fromMs, toMs, upTo, labelsMin }: WindowTask,
  manifest: ModelManifest,
): Promise<ChampionWindow | undefined> {
  if (modelKindOf(manifest) !== modelKindOf(version.manifest)) return undefined;
  const window = { model: manifest.name, version: manifest.version, fromMs, toMs, upTo };
  const counts = await rows.count(window);
  const labelled = counts.reduce((sum, count) => sum + count.labelled, 0);
  if (labelled < labelsMin) return undefined;
  const classes = manifest.classes ?? [];
  const drawn = { oneIn: oneIn(labelled), rowsMax: ROWS_READ_MAX };
  const read = await rows.labelled({ ...window, ...drawn, classes, slices: [] });
  const usable = usableRows(manifest, read).rows;
  if (usable.labels.length < labelsMin) return undefined;
  const measured = await orReason((async () => measurePerformance(usable))());
  return typeof measured === "string" ? undefined : { manifest, metrics: measured.metrics };
}

/** All rows, then the slices that have enough rows. */
async function measureLabelled(rows: WindowRows, task: VariantTask): Promise<MeasuredSlice[]> {
  const { version, variant, fromMs, toMs, upTo, labelsMin } = task;
  const { manifest, reference } = version;
  const plans = planSlices(manifest, reference?.profile, task.slices);
  const read = await rows.labelled({
    model: manifest.name,
    version: manifest.version,
    variant,
    fromMs,
    toMs,
    upTo,
    oneIn: oneIn(task.labelled),
    classes: manifest.classes ?? [],
    slices: plans.map(({ column }) => column),
    rowsMax: ROWS_READ_MAX,
  });
  const { rows: usable, at } = usableRows(manifest, read);
  const { metrics } = measurePerformance(usable);
  const measured: MeasuredSlice[] = [{ by: "", slice: "", rows: at.length, metrics }];
  for (const [index, plan] of plans.entries()) {
    const values = read.slices[index];
    if (values === undefined || at.length < labelsMin) continue;
    const { codes, names, others } = codeSlices(plan, values, at);
    for (const { slice = others, performance } of performanceBySlice(usable, codes, names))
      if (performance.rows >= labelsMin)
        measured.push({ by: plan.column.name, slice, rows: performance.rows, metrics: performance.metrics });
  }
  return measured;
}

/** Of two classes only, where the reference says how. */
async function estimateVariant(rows: WindowRows, task: VariantTask): Promise<MeasuredSlice | undefined> {
  const { version, variant, fromMs, toMs, upTo, total, labelsMin } = task;
  const { manifest, reference } = version;
  if (reference?.estimator === undefined || total < labelsMin) return undefined;
  const question = { model: manifest.name, version: manifest.version, variant, fromMs, toMs, upTo };
  const scores = await rows.scores({ ...question, oneIn: oneIn(total) });
  if (scores.length < labelsMin) return undefined;
  const { metrics } = estimateFromRows(reference.estimator, scores, thresholdOf(manifest));
  return { by: "", slice: "", rows: scores.length, metrics };
}

async function compareWithChampion(
  rows: WindowRows,
  { version, variant, fromMs, toMs, upTo, labelled, labelsMin, champion }: VariantTask,
  metrics: MetricSet,
): Promise<ChampionComparison[]> {
  if (champion === undefined) return [];
  const { manifest } = version;
  const unpaired = compareMetrics(metrics, champion.metrics);
  const pairs = await rows.pairs({
    model: manifest.name,
    version: manifest.version,
    variant,
    fromMs,
    toMs,
    upTo,
    oneIn: oneIn(labelled),
    otherVersion: champion.manifest.version,
    classes: manifest.classes ?? [],
  });
  const isEnough = pairs.labels.length >= labelsMin;
  return isEnough ? comparePairs(manifest, pairs, unpaired) : unpaired.map((one) => ({ ...one, pairs: 0 }));
}
