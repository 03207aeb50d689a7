/**
 * The demo for a terminal: a screen that is drawn anew, a line where there is none, and the summary at the end. Pure.
 */
import { type DemoStory, STEPS } from "./demo-story.ts";

export interface DemoSight {
  readonly phase: string;
  /** Since payments began. */
  readonly seconds: number;
  readonly perSecond: number;
  readonly answered: number;
  readonly failed: number;
  /** That answered last. */
  readonly version: string;
  /** Over time, one each second; undefined where there were too few. */
  readonly aucs: readonly (number | undefined)[];
}

export interface DemoQuality {
  readonly before: number | undefined;
  readonly worst: number | undefined;
  readonly after: number | undefined;
}

const SPARK = "▁▂▃▄▅▆▇█";
const SPARK_WIDTH = 72;
/** AUC at the bottom of the sparkline. */
const SPARK_LOW = 0.3;
const LINES_SHOWN = 16;
const PSI_SHOWN = 4;

export function toScreen(sight: DemoSight, story: DemoStory): string {
  const { phase, seconds, answered, failed, version, aucs } = sight;
  const psi = story.psi.slice(0, PSI_SHOWN).map(([column, value]) => `${column} ${value.toFixed(2)}`);
  return [
    `Millrace closes the loop   ${seconds.toFixed(0)} s   ${phase}   Ctrl-C ends it`,
    "",
    `ROC AUC   ${sparkline(aucs.slice(-SPARK_WIDTH))} ${shown(aucs.at(-1))}`,
    `served by card-fraud ${version}   ${sight.perSecond.toFixed(0)} predictions/s   ${answered} in all   ${failed} failed`,
    `drift     ${psi.length === 0 ? "none" : `PSI of ${psi.join(", ")}`}`,
    `job       ${story.stage === "" ? "none" : story.stage.toLowerCase()}`,
    "",
    ...story.lines.slice(-LINES_SHOWN),
    "",
  ].join("\n");
}

export function toLine({ seconds, perSecond, failed, version, aucs }: DemoSight): string {
  return `${seconds.toFixed(0).padStart(4)} s  ROC AUC ${shown(aucs.at(-1))}  ${perSecond.toFixed(0)} predictions/s  ${failed} failed  card-fraud ${version}`;
}

/** Bars from SPARK_LOW to 1; a blank where nothing is known. */
export function sparkline(values: readonly (number | undefined)[]): string {
  const bar = (value: number): string => {
    const share = Math.max(0, (value - SPARK_LOW) / (1 - SPARK_LOW));
    return SPARK[Math.min(SPARK.length - 1, Math.floor(share * SPARK.length))] as string;
  };
  return values.map((value) => (value === undefined ? " " : bar(value))).join("");
}

export function toSummary(
  story: DemoStory,
  { before, worst, after }: DemoQuality,
  { answered, failed }: Pick<DemoSight, "answered" | "failed">,
): string {
  const seconds = STEPS.map((step) => {
    const ms = story.steps.get(step);
    return `  ${step.padEnd(22)}${ms === undefined ? "not reached" : `${(ms / 1000).toFixed(1).padStart(6)} s`}`;
  });
  return [
    `ROC AUC   before ${shown(before)}   worst ${shown(worst)}   after ${shown(after)}`,
    "From the injection to",
    ...seconds,
    `Predictions   ${answered} answered, ${failed} failed`,
  ].join("\n");
}

function shown(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(3);
}
