/**
 * Watches the canaries that this data plane serves, a few times a second, and ends their steps:
 *
 *     a limit is broken        → no more rows here at once, and withdrawn in the registry: everywhere
 *     it cannot be loaded      → withdrawn
 *     the step's time is over  → the next step, or production, once the canary has answered enough rows in it
 *
 * All from memory; the registry's compare-and-set makes one of several engines win. Nothing is kept: after a restart the record
 * says where the canary stands, and rows are counted anew. Bound: a change under way per model, tried again at the next look.
 */
import type { ModelRegistry } from "../../storage/model-registry.ts";
import type { CanaryRecord } from "../core/deployment.ts";
import { durationMs } from "../core/duration.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Models, RunningCanary } from "../models.ts";
import type { CanarySplit } from "./canary-split.ts";
import { type Breach, judgeCanary, sampledP99 } from "./canary-verdict.ts";

const LOOK_MS = 250;
/** Two attempts to load it have failed by then. */
const UNLOADED_MS_MAX = 5_000;
const REQUESTED_BY = "engine";

export interface CanaryWatchOptions {
  readonly models: Pick<Models, "canaries" | "problems">;
  readonly registry: Pick<ModelRegistry, "advanceCanary" | "withdrawCanary">;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** performance.now() */
  readonly ticks: () => number;
  readonly logger: Logger;
}

/** What is known of one canary from look to look. */
interface Followed {
  readonly started_at: string;
  step: number;
  /** Rows that it had answered when the step began, or was first seen here. */
  answeredBefore: number;
  championP99Ms: number | undefined;
  problemSinceMs: number | undefined;
  /** Once there is one, it is what the canary ends with, whatever the windows say by the time that the registry answers. */
  breach: Breach | undefined;
  /** Until the registry tells of another step, or refuses. */
  isChanging: boolean;
}

export class CanaryWatch {
  readonly #options: CanaryWatchOptions;
  readonly #followed = new Map<string, Followed>();
  readonly #timer: NodeJS.Timeout;
  #changes: Promise<unknown> = Promise.resolve();

  constructor(options: CanaryWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** Looks at every canary once; what follows from it goes on behind. */
  look(): void {
    const running = this.#options.models.canaries();
    const names = new Set(running.map(({ name }) => name));
    for (const name of this.#followed.keys()) if (!names.has(name)) this.#followed.delete(name);
    for (const canary of running) this.#lookAt(canary);
  }

  /** Looks no more, and waits for the change under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#changes;
  }

  #lookAt({ name, record, split }: RunningCanary): void {
    const followed = this.#follow(name, record, split);
    if (followed.isChanging) return;
    followed.breach ??=
      split === undefined ? this.#cannotLoad(name, record, followed) : this.#judge(record, split, followed);
    if (followed.breach !== undefined) {
      split?.halt();
      this.#withdraw(name, record, followed, followed.breach);
    } else if (split !== undefined) this.#endStep(name, record, split, followed);
  }

  #judge({ limits }: CanaryRecord, split: CanarySplit, followed: Followed): Breach | undefined {
    const nowMs = this.#options.ticks();
    const canary = split.canaryWindow.sum(nowMs);
    const champion = split.championWindow.sum(nowMs);
    followed.championP99Ms = sampledP99(champion, limits.rows_min) ?? followed.championP99Ms;
    return judgeCanary({ canary, champion, championP99Ms: followed.championP99Ms }, limits);
  }

  #endStep(name: string, record: CanaryRecord, split: CanarySplit, followed: Followed): void {
    const rows = split.canaryWindow.answeredTotal - followed.answeredBefore;
    const lengthMs = durationMs(record.steps[record.step]?.duration ?? "") ?? 0;
    const isOver = this.#options.clock() >= Date.parse(record.step_started_at) + lengthMs;
    if (isOver && rows >= record.limits.rows_min) this.#advance(name, record, followed, rows);
  }

  #follow(name: string, { started_at, step }: CanaryRecord, split: CanarySplit | undefined): Followed {
    const answeredBefore = split?.canaryWindow.answeredTotal ?? 0;
    let followed = this.#followed.get(name);
    if (followed?.started_at !== started_at) {
      const unknown = { championP99Ms: undefined, problemSinceMs: undefined, breach: undefined };
      followed = { started_at, step, answeredBefore, ...unknown, isChanging: false };
      this.#followed.set(name, followed);
    }
    if (followed.step === step) return followed;
    followed.step = step;
    followed.answeredBefore = answeredBefore;
    followed.isChanging = false;
    return followed;
  }

  #cannotLoad(name: string, { version }: CanaryRecord, followed: Followed): Breach | undefined {
    const problem = this.#options.models.problems().get(`${name}@${version}`);
    const nowMs = this.#options.ticks();
    followed.problemSinceMs = problem === undefined ? undefined : (followed.problemSinceMs ?? nowMs);
    if (problem === undefined || nowMs - (followed.problemSinceMs ?? nowMs) < UNLOADED_MS_MAX)
      return undefined;
    return { reason: `it cannot be loaded: ${problem}`.slice(0, 500), details: { limit: "loadable" } };
  }

  #withdraw(name: string, record: CanaryRecord, followed: Followed, { reason, details }: Breach): void {
    const { registry, logger } = this.#options;
    logger.warn({ model: name, version: record.version, reason, ...details }, "canary rolled back");
    const by = { requestedBy: REQUESTED_BY, reason };
    this.#change(
      name,
      followed,
      registry.withdrawCanary(name, record, { ...details, step: record.step }, by),
    );
  }

  #advance(name: string, record: CanaryRecord, followed: Followed, rows: number): void {
    const { registry, logger } = this.#options;
    logger.info({ model: name, version: record.version, step: record.step, rows }, "canary step is over");
    const by = { requestedBy: REQUESTED_BY, reason: record.reason };
    this.#change(name, followed, registry.advanceCanary(name, record, { rows, step: record.step }, by));
  }

  #change(model: string, followed: Followed, change: Promise<void>): void {
    followed.isChanging = true;
    const settled = change.catch((error: unknown) => {
      followed.isChanging = false;
      this.#options.logger.warn({ model, err: messageOf(error) }, "canary not changed, trying again");
    });
    this.#changes = Promise.all([this.#changes, settled]);
  }
}
