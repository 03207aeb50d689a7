// hot path
/**
 * The stage between `predict` and the batcher for models that take features from the store: rows gather while the last
 * reading is under way, then all their entities are read at once, and the rows go on to the batcher.
 *
 *     add → [gathering] → reading (READINGS_MAX) → filled → dispatcher.accept, or the row fails
 *      └─ a request that gives all features itself ─────────────┘
 *
 * A row costs no reading of its own, whatever the load. Bound: rows in this stage count as rows of the engine
 * (`waiting`), which the predictor checks before it adds one.
 */
import type { Row } from "../batch.ts";
import type { Batcher } from "../batcher.ts";
import type { EntityKey } from "../core/entity-store.ts";
import { EngineError, type ErrorDetail, toEngineError } from "../core/errors.ts";
import type { Dispatcher } from "../dispatcher.ts";
import { notAnObject } from "../feature-plan.ts";
import type { CountErrors } from "../request-errors.ts";
import type { EntityReader } from "./entity-reader.ts";
import type { EntityView } from "./entity-view.ts";
import type { FeatureLookup, LookupStep } from "./feature-lookup.ts";
import { fillFeatures, lookUp, type ServedFeatures } from "./served-features.ts";
import { readsEntity, stepUses } from "./step-use.ts";

const READINGS_MAX = 2;

interface Waiting {
  readonly batcher: Batcher;
  readonly lookup: FeatureLookup;
  readonly row: Row;
  readonly request: Readonly<Record<string, unknown>>;
  /** Which features the request gives, see step-use. */
  readonly uses: Uint8Array | undefined;
  /** In the order of the lookup's entities; undefined for one that nothing is read of. */
  readonly keys: readonly (EntityKey | undefined)[];
}

export interface FeatureStageOptions {
  readonly reader: Pick<EntityReader, "read">;
  readonly dispatcher: Pick<Dispatcher, "accept">;
  readonly errors: CountErrors;
  /** Rows that are read for at once. */
  readonly rowsMax: number;
}

export class FeatureStage {
  readonly #options: FeatureStageOptions;
  #gathering: Waiting[] = [];
  #readings = 0;
  #rows = 0;
  #isScheduled = false;

  constructor(options: FeatureStageOptions) {
    this.#options = options;
  }

  /** Rows that were added and are not handed on yet. */
  get waiting(): number {
    return this.#rows;
  }

  /**
   * Adds a row of a model that has a lookup; later it is accepted by the dispatcher or fails. A row that needs nothing from
   * the store is accepted at once.
   * @throws EngineError INVALID_FEATURES when the request names no entity of a type that is needed, and what the
   * dispatcher throws.
   */
  add(batcher: Batcher, lookup: FeatureLookup, row: Row, features: unknown): void {
    if (typeof features !== "object" || features === null || Array.isArray(features)) throw notAnObject();
    const request = features as Record<string, unknown>;
    const uses = stepUses(lookup, request);
    const keys = entityKeys(lookup, uses, row);
    const waiting = { batcher, lookup, row, request, uses, keys };
    if (keys.every((key) => key === undefined)) return this.#accept(waiting, [], Date.now());
    this.#gathering.push(waiting);
    this.#rows++;
    batcher.expected++;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#gathering.length > 0 && this.#readings < READINGS_MAX) {
      this.#readings++;
      void this.#process(this.#gathering.splice(0, this.#options.rowsMax));
    }
  }

  async #process(rows: readonly Waiting[]): Promise<void> {
    const wanted = rows.flatMap(({ keys }) => keys.filter((key) => key !== undefined));
    const views = await this.#options.reader.read(wanted);
    const asOfMs = Date.now();
    let at = 0;
    for (const waiting of rows) {
      const own = waiting.keys.map((key) => (key === undefined ? undefined : views[at++]));
      try {
        this.#accept(waiting, own, asOfMs);
      } catch (error) {
        const failure = toEngineError(error);
        const { model } = waiting.batcher;
        this.#options.errors.count(model.manifest, waiting.row.source, failure.code);
        const nowMs = performance.now();
        if (waiting.row.isFollower !== true)
          model.statistics.failed(failure.code, nowMs - waiting.row.arrivedMs);
        model.window?.failed(failure.code, 1, nowMs);
        waiting.row.fail(failure);
      }
      waiting.batcher.expected--;
    }
    this.#rows -= rows.length;
    this.#readings--;
    this.#pump();
  }

  #accept(
    { batcher, lookup, row, request, uses, keys }: Waiting,
    views: readonly EntityView[],
    asOfMs: number,
  ): void {
    const use = uses === undefined ? undefined : { uses, inputNames: lookup.inputNames };
    const found = lookUp(lookup, request, views, asOfMs, use);
    const features = fillFeatures(lookup, request, found);
    const { status } = found;
    const entities = keys.flatMap((key, index) =>
      key === undefined ? [] : [{ type: key.type, id: key.id, seq: views[index]?.seq ?? 0 }],
    );
    const served: ServedFeatures = { asOfMs, entities, status };
    checkAvailable(lookup, features, status);
    this.#options.dispatcher.accept(batcher, row, features, served);
  }
}

/** @throws EngineError SERVICE_UNAVAILABLE when the store did not answer, and neither the set nor the model has a default. */
function checkAvailable(
  { inputs, steps }: FeatureLookup,
  features: Readonly<Record<string, unknown>>,
  status: ServedFeatures["status"],
): void {
  if (status.size === 0) return;
  for (const { name, step, isOptional } of inputs) {
    if (step < 0 || isOptional || features[name] !== undefined) continue;
    if (status.get((steps[step] as LookupStep).name) === "unavailable")
      throw new EngineError(
        "SERVICE_UNAVAILABLE",
        `${name} cannot be looked up now and has no default: give it in the request, or try again later`,
      );
  }
}

/**
 * Whether a row names the entities that are needed for it.
 * @throws EngineError INVALID_FEATURES naming those that it does not.
 */
export function checkEntities(lookup: FeatureLookup, features: unknown, row: Row): void {
  if (typeof features !== "object" || features === null || Array.isArray(features)) throw notAnObject();
  entityKeys(lookup, stepUses(lookup, features as Record<string, unknown>), row);
}

/** One entity needs no name in the request: entity_id is its id. */
function entityKeys(
  lookup: FeatureLookup,
  uses: Uint8Array | undefined,
  row: Row,
): readonly (EntityKey | undefined)[] {
  const { entities } = lookup;
  const details: ErrorDetail[] = [];
  const keys = entities.map(({ type, key }, index) => {
    if (!readsEntity(lookup, uses, index)) return undefined;
    const id = row.entities?.[key] ?? (entities.length === 1 ? row.entityId : "");
    if (id !== "") return { type, id };
    const field = entities.length === 1 ? "entity_id" : `entities.${key}`;
    details.push({ field, message: `is required: the ${type} whose features this model takes` });
    return undefined;
  });
  if (details.length === 0) return keys;
  throw new EngineError("INVALID_FEATURES", `${details[0]?.field} ${details[0]?.message}`, { details });
}
