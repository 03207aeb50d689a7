/**
 * Features as they were at moments of the past: what training sees, by the code that serves.
 *
 *     rows → chunks → history (one reading per entity type) → views → lookUp → rows with their features
 *
 * An event counts if it had arrived at the row's moment or, where the row gives the sequence that a prediction noted,
 * if it is not behind it: then the values are those that were served. What could not be had then, as the prediction's feature
 * status tells, is taken as that. Bound: one chunk of rows at a time.
 */
import { EngineError } from "../core/errors.ts";
import type {
  FeatureHistory,
  HistoryColumn,
  HistoryEntity,
  HistoryField,
  HistoryPart,
} from "../core/feature-history.ts";
import type { Scalar } from "../core/feature-set.ts";
import type { Column } from "./column.ts";
import type { EntityView } from "./entity-view.ts";
import type { SetLookup } from "./feature-lookup.ts";
import { HistoricalView, type ViewLayout } from "./historical-view.ts";
import { type FeatureStatus, lookUp } from "./served-features.ts";

export const CHUNK_ROWS = 10_000;
const NONE: ReadonlySet<string> = new Set();

export interface HistoricalRow {
  /** In the order of the lookup's entities. */
  readonly entities: readonly {
    readonly id: string;
    /** The last event that was known; undefined: what had arrived by the moment. */
    readonly seq?: number | undefined;
  }[];
  readonly asOfMs: number;
  /** What could not be had when the row was served, by the names in its feature status: it gets its default again. */
  readonly unavailable?: readonly string[];
  /** Values of request features, for those that are derived from them; other names are left alone. */
  readonly request: Readonly<Record<string, unknown>>;
}

export interface HistoricalFeatures<R extends HistoricalRow> {
  /** As it came in, whatever else it carries. */
  readonly row: R;
  /** In the order of the lookup's features; null: there was no value and there is no default. */
  readonly values: readonly (Scalar | null)[];
  /** By feature, those that had not their own value. */
  readonly status: Readonly<Record<string, FeatureStatus>>;
}

export interface HistoricalOptions<R extends HistoricalRow> {
  readonly history: FeatureHistory;
  readonly lookup: SetLookup;
  readonly rows: AsyncIterable<R> | Iterable<R>;
  readonly chunkRows?: number;
}

/**
 * The rows with their features, in order.
 * @throws EngineError INVALID_FEATURES for a request feature of a wrong type or range, naming the row, from 1; what the
 * history throws.
 */
export async function* historicalFeatures<R extends HistoricalRow>({
  history,
  lookup,
  rows,
  chunkRows = CHUNK_ROWS,
}: HistoricalOptions<R>): AsyncGenerator<HistoricalFeatures<R>, undefined> {
  const layouts = lookup.entities.map((_, index) => layoutOf(lookup, index));
  let done = 0;
  for await (const chunk of inChunks(rows, chunkRows)) {
    const known = await Promise.all(
      layouts.map((layout, index) => readEntities(history, layout, chunk, index)),
    );
    for (const [index, row] of chunk.entries()) {
      const unavailable = unavailableKeys(lookup, row);
      const views = layouts.map((layout, at) => {
        const entity = known[at]?.[index] as HistoryEntity;
        return new HistoricalView(layout, entity, row.entities[at]?.seq ?? 0, unavailable);
      });
      yield toFeatures(lookup, row, views, done + index + 1);
    }
    done += chunk.length;
  }
}

function toFeatures<R extends HistoricalRow>(
  lookup: SetLookup,
  row: R,
  views: readonly EntityView[],
  number: number,
): HistoricalFeatures<R> {
  try {
    const { values, status } = lookUp(lookup, row.request, views, row.asOfMs);
    return {
      row,
      values: lookup.features.map(({ step }) => values[step] ?? null),
      status: Object.fromEntries(status),
    };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, `row ${number}: ${error.message}`, { details: error.details });
  }
}

/** Keys of the columns and fields that the row's unavailable features are made of. */
function unavailableKeys({ steps }: SetLookup, { unavailable = [] }: HistoricalRow): ReadonlySet<string> {
  if (unavailable.length === 0) return NONE;
  const named = steps.filter(({ name }) => unavailable.includes(name));
  return new Set(named.flatMap((step) => ("key" in step ? [step.key] : [])));
}

async function readEntities(
  history: FeatureHistory,
  { plan }: ViewLayout,
  chunk: readonly HistoricalRow[],
  entity: number,
): Promise<readonly HistoryEntity[]> {
  return history.read(
    plan,
    chunk.map(({ entities, asOfMs }) => ({
      entityId: entities[entity]?.id ?? "",
      asOfMs,
      seq: entities[entity]?.seq,
    })),
  );
}

/** What has to be read of the entities that stand at `index` in the lookup. */
function layoutOf({ entities, steps }: SetLookup, index: number): ViewLayout {
  const columns = new Map<number, Column>();
  const fields = new Map<number, HistoryField>();
  for (const step of steps) {
    if (step.kind === "window" && step.entity === index) columns.set(step.column.id, step.column);
    if (step.kind === "online" && step.entity === index) fields.set(step.field.id, step.field);
  }
  const type = entities[index]?.type ?? "";
  const plan = {
    entityType: type,
    columns: [...columns.values()].map(toHistoryColumn),
    fields: [...fields.values()],
  };
  return { plan, columns: indexesOf(columns.keys()), fields: indexesOf(fields.keys()) };
}

function indexesOf(ids: Iterable<number>): ReadonlyMap<number, number> {
  return new Map([...ids].map((id, index) => [id, index]));
}

function toHistoryColumn({ layout, ...column }: Column): HistoryColumn {
  const parts = new Set<HistoryPart>();
  if (layout.sumAt >= 0) parts.add("sum");
  if (layout.squaresAt >= 0) parts.add("squares");
  if (layout.extremesAt >= 0) parts.add("extremes");
  if (layout.edgesAt >= 0) parts.add("edges");
  if (layout.hasDistinct) parts.add("distinct");
  return { ...column, parts };
}

async function* inChunks<T>(
  rows: AsyncIterable<T> | Iterable<T>,
  most: number,
): AsyncGenerator<T[], undefined> {
  let chunk: T[] = [];
  for await (const row of rows) {
    if (chunk.push(row) < most) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
