/**
 * The demo from its first payment to its end: what is done when, and what is measured.
 *
 *     calm: payments, then the reference from them ─▶ injection, DRIFT_AT_MS into a window ─▶ … ─▶ recovered ─▶ AFTER_MS more
 *
 * Recovered: by the labels of the latest predictions, the new version is as good as the old one was before, within RECOVERY_MARGIN.
 * Bound: `secondsMax`, after which it ends as it is.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { TrainingJob } from "../core/training-job.ts";
import type { CardFraudGenerator } from "../sample/card-fraud.ts";
import { applySettings, WINDOW_MS } from "./demo-settings.ts";
import { DemoStory, type HeardEvent } from "./demo-story.ts";
import type { DemoQuality, DemoSight } from "./demo-view.ts";
import { type CallEngine, PaymentTraffic } from "./payment-traffic.ts";
import { type LabelledPrediction, ROLLING_ROWS, RollingQuality } from "./rolling-quality.ts";

const ROUND_MS = 500;
const SPARK_MS = 1_000;
/** Share of the calm after which the reference is made of its predictions. */
const REFERENCE_SHARE = 2 / 3;
/** More than behind which nothing is judged (reference_rows_min). */
const REFERENCE_ROWS = 1_500;
/** Predictions younger than this may not be stored yet. */
const STORED_MS = 3_000;
/** Windows are whole minutes: one of which two thirds have drifted shows it as soon as it is over. */
const DRIFT_AT_MS = 20_000;
const RECOVERY_ROWS = 1_000;
/** About two standard errors of the AUC before. */
const RECOVERY_MARGIN = 0.02;
const AFTER_MS = 10_000;
/** Events that a job causes behind its gate. */
const AFTER_GATE: ReadonlySet<string> = new Set(["model_registered", "model_training_completed"]);

export interface DemoRunOptions {
  readonly model: string;
  readonly rate: number;
  readonly calmSeconds: number;
  readonly secondsMax: number;
  readonly generator: CardFraudGenerator;
  readonly call: CallEngine;
  /** About twice a second. */
  readonly show: (sight: DemoSight, story: DemoStory) => void;
}

export class DemoRun {
  readonly #options: DemoRunOptions;
  readonly #traffic: PaymentTraffic;
  readonly #latest = new RollingQuality();
  readonly #aucs: (number | undefined)[] = [];
  readonly story = new DemoStory();
  #hearing: Promise<void> = Promise.resolve();
  #first: string | undefined;
  #version = "-";
  #before: number | undefined;
  #worst: number | undefined;

  constructor(options: DemoRunOptions) {
    this.#options = options;
    this.#traffic = new PaymentTraffic({
      ...options,
      onLabelled: (prediction) => this.#labelled(prediction),
    });
  }

  get quality(): DemoQuality {
    const after = this.story.has("deployed")
      ? this.#latest.auc(
          { rowsMin: RECOVERY_ROWS, rowsMax: ROLLING_ROWS },
          (version) => version !== this.#first,
        )
      : undefined;
    return { before: this.#before, worst: this.#worst, after };
  }

  get counts(): { readonly answered: number; readonly failed: number; readonly leftOut: number } {
    return this.#traffic;
  }

  get failures(): ReadonlyMap<string, number> {
    return this.#traffic.failures;
  }

  /** An event of the engine; in order. What the job's document said before a version came of it is looked up first. */
  hear(event: HeardEvent): void {
    const atMs = Date.now();
    this.#hearing = this.#hearing.then(async () => {
      if (AFTER_GATE.has(event.kind)) await this.#lookAtJob(atMs).catch(() => undefined); // the engine may be stopping
      this.story.hear(event, atMs);
    });
  }

  /** Until the quality has recovered and a little longer, until the time is up, or until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { call, model, secondsMax } = this.#options;
    await applySettings(call, model);
    const ending = new AbortController();
    const timeUp = setTimeout(() => ending.abort(), secondsMax * 1000);
    const ended = AbortSignal.any([signal, ending.signal]);
    const startMs = Date.now();
    const traffic = this.#traffic.run(ended);
    const showing = this.#show(startMs, ended);
    try {
      await this.#tell(startMs, ended);
    } catch (error) {
      if (!ended.aborted) throw error; // a wait that was cut short
    } finally {
      clearTimeout(timeUp);
      ending.abort();
      await Promise.all([traffic, showing]);
    }
  }

  async #tell(startMs: number, signal: AbortSignal): Promise<void> {
    const { story } = this;
    const { generator, calmSeconds } = this.#options;
    const calmMs = calmSeconds * 1000;
    story.tell(startMs, "payments begin");
    await delay(calmMs * REFERENCE_SHARE, undefined, { signal });
    const rows = await this.#makeReference(startMs, signal);
    story.tell(Date.now(), `reference made of the first ${rows} predictions`);
    const calmUntilMs = Math.max(startMs + calmMs, Date.now()) - DRIFT_AT_MS;
    const injectMs = Math.ceil(calmUntilMs / WINDOW_MS) * WINDOW_MS + DRIFT_AT_MS;
    await delay(injectMs - Date.now(), undefined, { signal });
    this.#before = this.#latest.auc({ rowsMin: ROLLING_ROWS });
    generator.begin("card_testing");
    story.inject(Date.now());
    while (!story.has("quality recovered")) {
      await delay(ROUND_MS, undefined, { signal });
      await this.#look();
    }
    await delay(AFTER_MS, undefined, { signal });
  }

  /** Anew until enough predictions are stored for it; how many. */
  async #makeReference(startMs: number, signal: AbortSignal): Promise<number> {
    const { call, model } = this.#options;
    for (;;) {
      if (this.#traffic.answered >= REFERENCE_ROWS) {
        const to = new Date(Date.now() - STORED_MS).toISOString();
        const window = { from: new Date(startMs).toISOString(), to };
        const made = await call("POST", `/models/${model}/versions/production/reference`, { window });
        const { rows } = (made as { readonly source: { readonly rows: number } }).source;
        if (rows >= REFERENCE_ROWS) return rows;
      }
      await delay(STORED_MS, undefined, { signal });
    }
  }

  async #lookAtJob(atMs: number): Promise<void> {
    const { story } = this;
    if (story.jobId === undefined || story.isJobOver) return;
    const path = `/api/v1/training/${story.jobId}/status`;
    const job = (await this.#options.call("GET", path)) as Partial<TrainingJob> & Pick<TrainingJob, "status">;
    story.look({ status: job.status, stage: job.stage ?? null, gate: job.gate ?? null }, atMs);
  }

  /** At the job, and at the predictions labelled since. */
  async #look(): Promise<void> {
    const { story } = this;
    await this.#lookAtJob(Date.now());
    const auc = this.#latest.auc({ rowsMin: ROLLING_ROWS, rowsMax: ROLLING_ROWS });
    if (auc !== undefined && (this.#worst === undefined || auc < this.#worst)) this.#worst = auc;
    const { before, after } = this.quality;
    if (auc === undefined || before === undefined || after === undefined) return;
    if (Math.min(auc, after) < before - RECOVERY_MARGIN) return;
    story.reach("quality recovered", Date.now());
    story.tell(Date.now(), `quality recovered: ROC AUC ${auc.toFixed(3)}, ${before.toFixed(3)} before`);
  }

  #labelled(prediction: LabelledPrediction): void {
    this.#first ??= prediction.version;
    this.#version = prediction.version;
    this.#latest.add(prediction);
  }

  async #show(startMs: number, signal: AbortSignal): Promise<void> {
    let [answeredBefore, beforeMs] = [0, performance.now()];
    let [perSecond, sparkMs] = [0, beforeMs];
    while (!signal.aborted) {
      await delay(ROUND_MS, undefined, { signal }).catch(() => undefined);
      const nowMs = performance.now();
      const { answered, failed } = this.#traffic;
      if (nowMs - sparkMs >= SPARK_MS) {
        sparkMs = nowMs;
        this.#aucs.push(this.#latest.auc({ rowsMin: ROLLING_ROWS, rowsMax: ROLLING_ROWS }));
        perSecond = ((answered - answeredBefore) / (nowMs - beforeMs)) * 1000;
        [answeredBefore, beforeMs] = [answered, nowMs];
      }
      this.#options.show(
        {
          phase: this.#phase(),
          seconds: (Date.now() - startMs) / 1000,
          perSecond,
          answered,
          failed,
          version: this.#version,
          aucs: this.#aucs,
        },
        this.story,
      );
    }
  }

  #phase(): string {
    if (this.story.injectedMs === undefined) return "calm";
    return this.story.has("quality recovered") ? "recovered" : "drifting";
  }
}
