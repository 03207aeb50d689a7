/**
 * The models that this process serves: every version that an alias points to, loaded and warm.
 *
 * Follows the registry. A new version is loaded in every worker first, then routed to in one step, and the old one is
 * unloaded once its last row is answered; so a swap fails no request. A version that cannot be loaded leaves the
 * alias where it was, and is tried again when the registry changes or after RETRY_MS.
 * A version that was just replaced stays loaded for a while if the registry says so, so that going back needs no loading.
 * `route` is on the hot path: two map look-ups, and while a canary runs a hash.
 */

import type { WorkerPool } from "../workers/pool.ts";
import type { ModelArtifact } from "../workers/runtime.ts";
import { Batcher } from "./batcher.ts";
import type { CanaryRecord } from "./core/deployment.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import type { ModelManifest } from "./core/manifest.ts";
import type { Metrics } from "./core/metrics.ts";
import { PRODUCTION } from "./core/version-state.ts";
import { CanarySplit, type SplitKey } from "./deployments/canary-split.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { withExampleRow } from "./example-row.ts";
import { compileLookup, type FindFeatureSet } from "./features/feature-lookup.ts";
import { ServedModel } from "./served-model.ts";

const RETRY_MS = 2_000;
const IDLE_CHECK_MS = 5;
/** Of one timer: the clock that a record was written by may be ahead. */
const COOLING_MS_MAX = 60 * 60_000;

/** What the registry says of one model: the version behind each alias, and what is beside the one in production. */
export interface WantedModel {
  readonly name: string;
  readonly aliases: Readonly<Record<string, string>>;
  readonly canary?: CanaryRecord | undefined;
  readonly warm?: { readonly version: string; readonly until: string } | undefined;
}

/** A canary that should run here; without a split it does not, because a version is not loaded. */
export interface RunningCanary {
  readonly name: string;
  readonly record: CanaryRecord;
  readonly split: CanarySplit | undefined;
}

export interface ModelsOptions {
  readonly pool: Pick<WorkerPool, "load" | "unload">;
  readonly dispatcher: Dispatcher;
  readonly loadArtifact: (name: string, version: string) => Promise<ModelArtifact>;
  readonly findFeatureSet: FindFeatureSet;
  readonly batchRowsMax: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Batcher by alias and by version, of one model. */
type Routes = ReadonlyMap<string, Batcher>;

export class Models {
  readonly #options: ModelsOptions;
  /** Batcher by name@version: all that is loaded. */
  readonly #loaded = new Map<string, Batcher>();
  readonly #problems = new Map<string, string>();
  #routes: ReadonlyMap<string, Routes> = new Map();
  /** Canaries by model. */
  readonly #splits = new Map<string, CanarySplit>();
  #defaultModel: string | undefined;
  #wanted: readonly WantedModel[] = [];
  #changes: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  /** When a version need not be kept warm any more. */
  #cooling: NodeJS.Timeout | undefined;
  /** One at a time, however many old versions still have rows. */
  #idleCheck: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ModelsOptions) {
    this.#options = options;
  }

  /**
   * The batcher for a request.
   * @param key of the row that it is for: a request for production may go to a canary.
   * @throws EngineError MODEL_NOT_FOUND; NOT_READY while what is asked for should be served and is not loaded yet;
   * INVALID_REQUEST when no model is named and there is not exactly one.
   */
  route(model: string | undefined, version: string | undefined, key?: SplitKey): Batcher {
    const name = model ?? this.#defaultModel;
    if (name === undefined) throw this.#noDefault();
    const routes = this.#routes.get(name);
    const batcher = routes?.get(version ?? PRODUCTION);
    if (batcher === undefined) throw this.#notFound(name, version, routes);
    if (this.#splits.size === 0 || key === undefined) return batcher;
    const isProduction = version === undefined || version === PRODUCTION;
    return isProduction ? (this.#splits.get(name)?.choose(key) ?? batcher) : batcher;
  }

  /** The canaries that should run here. */
  canaries(): RunningCanary[] {
    return this.#wanted.flatMap(({ name, canary }) =>
      canary === undefined ? [] : [{ name, record: canary, split: this.#splits.get(name) }],
    );
  }

  /** All that is loaded. */
  loaded(): Batcher[] {
    return [...this.#loaded.values()];
  }

  /** What a version or an alias stands for now, if a request for it would be taken. */
  find(name: string, version: string): Batcher | undefined {
    return this.#routes.get(name)?.get(version);
  }

  /** Versions that are loaded, with the aliases that point to them. */
  served(): { manifest: ModelManifest; aliases: string[] }[] {
    const served = new Map<Batcher, string[]>();
    for (const batcher of this.#loaded.values()) served.set(batcher, []);
    for (const routes of this.#routes.values()) {
      for (const [key, batcher] of routes)
        if (key !== batcher.model.manifest.version) served.get(batcher)?.push(key);
    }
    return [...served].map(([batcher, aliases]) => ({ manifest: batcher.model.manifest, aliases }));
  }

  /** Why versions that are wanted are not served, by name@version. */
  problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** At least one model answers to its name alone. */
  get ready(): boolean {
    for (const routes of this.#routes.values()) if (routes.has(PRODUCTION)) return true;
    return false;
  }

  /** Follows a new state of the registry. Changes are carried out one after the other; only the newest counts. */
  follow(wanted: readonly WantedModel[]): void {
    this.#wanted = wanted;
    this.#change();
  }

  /** Resolves when the changes asked for so far are carried out. */
  async settled(): Promise<void> {
    await this.#changes;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#idleCheck);
    clearTimeout(this.#cooling);
  }

  #change(): void {
    this.#changes = this.#changes
      .then(async () => this.#reconcile())
      .catch((error: unknown) => {
        this.#options.logger.error({ err: error }, "following the registry failed");
      });
  }

  async #reconcile(): Promise<void> {
    if (this.#isClosed) return;
    clearTimeout(this.#retry);
    clearTimeout(this.#idleCheck);
    this.#idleCheck = undefined;
    const wanted = this.#wanted;
    const keys = new Set(
      wanted.flatMap((model) => versionsOf(model).map((version) => `${model.name}@${version}`)),
    );
    for (const key of this.#problems.keys()) if (!keys.has(key)) this.#problems.delete(key);
    for (const key of keys) if (!this.#loaded.has(key)) await this.#load(key);
    this.#routeTo(wanted);
    this.#split(wanted);
    this.#awaitCooling(wanted);
    for (const [key, batcher] of this.#loaded) if (!this.#isRouted(batcher)) this.#unload(key, batcher);
    if (this.#problems.size > 0) this.#retry = setTimeout(() => this.#change(), RETRY_MS).unref();
  }

  async #load(key: string): Promise<void> {
    const { pool, dispatcher, loadArtifact, findFeatureSet, batchRowsMax, metrics, logger } = this.#options;
    const at = key.indexOf("@");
    const startedMs = performance.now();
    try {
      const artifact = await loadArtifact(key.slice(0, at), key.slice(at + 1));
      const lookup = await compileLookup(artifact.manifest, findFeatureSet);
      const loaded = await pool.load(withExampleRow(artifact));
      const model = new ServedModel(artifact.manifest, metrics, lookup, loaded);
      const batcher = new Batcher(model, Math.min(batchRowsMax, model.batchRowsMax));
      this.#loaded.set(key, batcher);
      dispatcher.attach(batcher);
      this.#problems.delete(key);
      logger.info({ model: key, loadMs: Math.round(performance.now() - startedMs) }, "model loaded");
    } catch (error) {
      if (!this.#problems.has(key))
        logger.error({ model: key, err: messageOf(error) }, "model cannot be loaded");
      this.#problems.set(key, messageOf(error));
    }
  }

  /** Points every alias to its version, in one step; to the one it had while the new one cannot be loaded. */
  #routeTo(wanted: readonly WantedModel[]): void {
    const routes = new Map<string, Routes>();
    for (const { name, aliases, warm } of wanted) {
      const entries = new Map<string, Batcher>();
      for (const [alias, version] of Object.entries(aliases)) {
        const batcher = this.#loaded.get(`${name}@${version}`) ?? this.#routes.get(name)?.get(alias);
        if (batcher === undefined) continue;
        entries.set(alias, batcher);
        entries.set(batcher.model.manifest.version, batcher);
      }
      for (const version of versionsOf({ name, aliases: {}, warm })) {
        const batcher = this.#loaded.get(`${name}@${version}`);
        if (batcher !== undefined) entries.set(version, batcher);
      }
      if (entries.size > 0) routes.set(name, entries);
    }
    this.#routes = routes;
    const inProduction = [...routes].filter(([, entries]) => entries.has(PRODUCTION));
    this.#defaultModel = inProduction.length === 1 ? inProduction[0]?.[0] : undefined;
  }

  /** Starts, goes on with and ends canaries: one runs once both its versions are loaded. */
  #split(wanted: readonly WantedModel[]): void {
    const ended = new Map(this.#splits);
    for (const { name, canary } of wanted) {
      const batcher = canary && this.#loaded.get(`${name}@${canary.version}`);
      const champion = this.#routes.get(name)?.get(PRODUCTION);
      if (canary === undefined || batcher === undefined || champion === undefined) continue;
      if (champion.model.manifest.version !== canary.champion) continue;
      const split = this.#splits.get(name);
      if (split?.isOf(canary, champion, batcher) === true) {
        split.follow(canary);
        ended.delete(name);
        continue;
      }
      split?.end();
      ended.delete(name);
      this.#splits.set(name, new CanarySplit(canary, champion, batcher));
    }
    for (const [name, split] of ended) {
      split.end();
      this.#splits.delete(name);
    }
  }

  /** Looks again when the first of the versions that are kept warm need not be any more. */
  #awaitCooling(wanted: readonly WantedModel[]): void {
    clearTimeout(this.#cooling);
    const nowMs = Date.now();
    const ends = wanted.flatMap(({ warm }) => (warm === undefined ? [] : [Date.parse(warm.until)]));
    const nextMs = Math.min(...ends.filter((endMs) => endMs > nowMs));
    if (Number.isFinite(nextMs))
      this.#cooling = setTimeout(() => this.#change(), Math.min(nextMs - nowMs, COOLING_MS_MAX) + 1).unref();
  }

  #isRouted(batcher: Batcher): boolean {
    return this.#routes.get(batcher.model.manifest.name)?.get(batcher.model.manifest.version) === batcher;
  }

  /** Not waited for: the next change must not hang on the last row of an old version. */
  #unload(key: string, batcher: Batcher): void {
    const { pool, dispatcher, metrics, logger } = this.#options;
    if (!batcher.idle) {
      this.#idleCheck ??= setTimeout(() => this.#change(), IDLE_CHECK_MS).unref();
      return;
    }
    this.#loaded.delete(key);
    dispatcher.detach(batcher);
    const { name, version } = batcher.model.manifest;
    metrics.drop({ model: name, version });
    void pool.unload(key).then(() => logger.info({ model: key }, "model unloaded"));
  }

  #noDefault(): EngineError {
    const names = [...this.#routes.keys()];
    if (names.length === 0)
      return new EngineError("NOT_READY", "no model is in production yet: push one and promote it");
    const details = [{ field: "model", message: `is required: one of ${names.join(", ")}` }];
    return new EngineError("INVALID_REQUEST", `model is required: one of ${names.join(", ")}`, { details });
  }

  #notFound(name: string, version: string | undefined, routes: Routes | undefined): EngineError {
    const wanted = version ?? PRODUCTION;
    const aliases = this.#wanted.find((model) => model.name === name)?.aliases ?? {};
    if (Object.hasOwn(aliases, wanted) || Object.values(aliases).includes(wanted))
      return new EngineError(
        "NOT_READY",
        `model "${name}" in "${wanted}" is not loaded yet; try again later`,
      );
    if (routes === undefined)
      return new EngineError("MODEL_NOT_FOUND", `there is no model "${name}" with an alias; see GET /models`);
    const known = [...routes.keys()].join(", ");
    return new EngineError(
      "MODEL_NOT_FOUND",
      `model "${name}" serves ${known}; "${wanted}" is none of them: give it an alias to have it served`,
    );
  }
}

/** The versions of a model that must be loaded. */
function versionsOf({ aliases, warm }: WantedModel): string[] {
  const aliased = Object.values(aliases);
  return warm !== undefined && Date.parse(warm.until) > Date.now() ? [...aliased, warm.version] : aliased;
}
