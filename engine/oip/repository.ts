/**
 * The model repository extension, over a registry that all engines share: what is loaded follows from it, and an engine keeps no
 * list of its own.
 *
 *     load    the model is in production: with the version that was withdrawn last, else its newest, else the one asked for
 *     unload  nothing of it is: production is taken off, its other aliases stay
 *
 * Both are answered once this engine serves accordingly; other engines follow in the same moment. Bound: SETTLE_MS.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ModelRegistry } from "../../storage/model-registry.ts";
import type { ModelState } from "../../storage/model-state.ts";
import type { RepositoryEntry } from "../contract/oip-repository.ts";
import type { ChangedBy } from "../core/deployment.ts";
import { EngineError, fieldInvalid } from "../core/errors.ts";
import { PRODUCTION } from "../core/version-state.ts";
import type { Models } from "../models.ts";

/** Of a request, from any entrance. */
export type RepositoryParameters = Readonly<Record<string, unknown>>;

export interface RepositoryOptions {
  readonly registry: Pick<ModelRegistry, "list" | "stateOf" | "promote" | "withdraw" | "restore">;
  readonly models: Pick<Models, "find" | "problems">;
}

const SETTLE_MS = 30_000;
const POLL_MS = 5;
const BY: ChangedBy = { requestedBy: "open inference protocol", reason: "" };

export class Repository {
  readonly #options: RepositoryOptions;

  constructor(options: RepositoryOptions) {
    this.#options = options;
  }

  /** Every version in the registry; `ready`: those that this engine serves. */
  async index(which: "all" | "ready"): Promise<RepositoryEntry[]> {
    const states = await this.#options.registry.list();
    const entries = states.flatMap((state) => state.versions.map((version) => this.#entry(state, version)));
    return which === "all" ? entries : entries.filter(({ state }) => state === "READY");
  }

  /**
   * @param parameters `version` chooses one. Content is pushed elsewhere.
   * @throws EngineError MODEL_NOT_FOUND, INVALID_REQUEST, CONFLICT; NOT_READY when it is not served in time.
   */
  async load(name: string, parameters: RepositoryParameters = {}): Promise<void> {
    const { registry, models } = this.#options;
    const chosen = chosenVersion(parameters);
    const state =
      chosen === undefined
        ? await registry.restore(name, BY)
        : await registry.promote(name, chosen, PRODUCTION, BY);
    const version = state.aliases[PRODUCTION]?.version;
    await settled(() => {
      const served = models.find(name, PRODUCTION)?.model.manifest.version;
      if (served === version) return true;
      const problem = models.problems().get(`${name}@${version}`);
      if (problem === undefined) return false;
      throw new EngineError("NOT_READY", `${name}@${version} cannot be loaded: ${problem}`);
    }, `${name}@${version} is not loaded yet`);
  }

  /** @throws EngineError MODEL_NOT_FOUND, INVALID_REQUEST, CONFLICT while a canary runs; NOT_READY when it is still served then. */
  async unload(name: string, parameters: RepositoryParameters = {}): Promise<void> {
    const { registry, models } = this.#options;
    checkKnown(parameters, ["unload_dependents"]); // nothing depends on a model
    await registry.withdraw(name, BY);
    await settled(() => models.find(name, PRODUCTION) === undefined, `${name} is still in production`);
  }

  #entry(state: ModelState, version: string): RepositoryEntry {
    const { name } = state;
    const isReady = this.#options.models.find(name, version) !== undefined;
    if (isReady) return { name, version, state: "READY", reason: "" };
    return { name, version, state: "UNAVAILABLE", reason: this.#reason(state, version) };
  }

  #reason({ name, aliases, archived, deprecated }: ModelState, version: string): string {
    const problem = this.#options.models.problems().get(`${name}@${version}`);
    if (problem !== undefined) return problem;
    if (Object.values(aliases).some((alias) => alias.version === version)) return "loading";
    if (archived.includes(version)) return "archived";
    return deprecated.includes(version) ? "deprecated" : "unloaded";
  }
}

function chosenVersion(parameters: RepositoryParameters): string | undefined {
  const content = Object.keys(parameters).find((key) => key === "config" || key.startsWith("file:"));
  if (content !== undefined)
    throw fieldInvalid(
      `parameters.${content.slice(0, 128)}`,
      "a model's content is pushed as a version of its own: POST /models",
    );
  checkKnown(parameters, ["version"]);
  const { version } = parameters;
  if (version === undefined || typeof version === "string") return version;
  throw fieldInvalid("parameters.version", "must be a version's text");
}

function checkKnown(parameters: RepositoryParameters, known: readonly string[]): void {
  const other = Object.keys(parameters).find((key) => !known.includes(key));
  if (other !== undefined)
    throw fieldInvalid(
      `parameters.${other.slice(0, 128)}`,
      `is no parameter of this request: it takes ${known.join(", ")}`,
    );
}

/** @throws EngineError NOT_READY when it takes longer than SETTLE_MS, and what `isSettled` throws. */
async function settled(isSettled: () => boolean, lacking: string): Promise<void> {
  const giveUpMs = performance.now() + SETTLE_MS;
  while (!isSettled()) {
    if (performance.now() > giveUpMs)
      throw new EngineError(
        "NOT_READY",
        `${lacking} after ${SETTLE_MS / 1000} s; the registry is changed, ask again later`,
      );
    await delay(POLL_MS);
  }
}
