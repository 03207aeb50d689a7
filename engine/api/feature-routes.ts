/**
 * Online features over REST: `POST /features/online` for many entities, `GET /features/{set}/{entity}` for one.
 *
 * A set is named as `name@version`, or by its name alone: then it is the highest version that is active.
 */
import { z } from "zod";
import {
  entityFeaturesAnswer,
  entityId,
  onlineFeaturesAnswer,
  onlineFeaturesRequest,
} from "../contract/features.ts";
import { EngineError } from "../core/errors.ts";
import { type FeatureSet, featureSetKey } from "../core/feature-set.ts";
import type { EntityReader } from "../features/entity-reader.ts";
import { compileSetLookup, type SetLookup } from "../features/feature-lookup.ts";
import { type OnlineFeatures, readOnlineFeatures } from "../features/online-features.ts";
import { PieceReader } from "../features/piece-reader.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { withBody } from "./json-body.ts";
import { textIn } from "./path-name.ts";

export interface FeatureRoutesOptions {
  readonly reader: Pick<EntityReader, "read">;
  /** The set that a reference names. @throws EngineError FEATURE_SET_NOT_FOUND. */
  readonly findActive: (reference: string) => FeatureSet;
  readonly entitiesMax: number;
  readonly bodyBytesMax: number;
}

const LOOKUPS_MAX = 200;

const setReference = z.string().max(200).describe("name, or name@version");

export function featureRoutes(options: FeatureRoutesOptions): Route[] {
  const lookups = new LookupCache();
  const reader = new PieceReader(options.reader);
  return [
    {
      method: "post",
      path: "/features/online",
      describes: {
        tag: "Features",
        summary: "Features of many entities, now",
        body: onlineFeaturesRequest,
        answers: { 200: onlineFeaturesAnswer },
        errors: ["FEATURE_SET_NOT_FOUND", "INVALID_FEATURES", "SERVICE_UNAVAILABLE"],
      },
      handle: (exchange) =>
        withBody(exchange, onlineFeaturesRequest, options.bodyBytesMax, async (body) =>
          answerMany(exchange, { ...options, reader }, lookups, body),
        ),
    },
    {
      method: "get",
      path: "/features/:set/:entity",
      describes: {
        tag: "Features",
        summary: "Features of one entity, now",
        path: { set: setReference, entity: entityId },
        answers: { 200: entityFeaturesAnswer },
        errors: ["FEATURE_SET_NOT_FOUND", "INVALID_REQUEST", "INVALID_FEATURES", "SERVICE_UNAVAILABLE"],
      },
      handle: (exchange, req) => {
        const set = options.findActive(textIn(req, 0));
        const entity = entityId.safeParse(textIn(req, 1));
        if (!entity.success) throw new EngineError("INVALID_REQUEST", "an entity id has 1 to 128 characters");
        exchange.guardAsync(async () =>
          answerOne(exchange, options, lookups.find(set, undefined), set, entity.data),
        );
      },
    },
  ];
}

async function answerMany(
  exchange: Exchange,
  { reader, findActive, entitiesMax }: FeatureRoutesOptions,
  lookups: LookupCache,
  { feature_set, entities, features, request = {} }: z.infer<typeof onlineFeaturesRequest>,
): Promise<void> {
  if (entities.length > entitiesMax) {
    const message = `must have at most ${entitiesMax} ids`;
    throw new EngineError("PAYLOAD_TOO_LARGE", `entities ${message}; send several requests`, {
      details: [{ field: "entities", message }],
    });
  }
  const set = findActive(feature_set);
  const lookup = lookups.find(set, features);
  const { asOfMs, rows } = await readOnlineFeatures(reader, set, lookup, entities, request);
  const names = JSON.stringify(lookup.features.map(({ name }) => name));
  const results = rows.map(toRowJson).join(",");
  exchange.sendJson(
    `{"feature_set":"${set.name}","version":"${set.version}","as_of":"${new Date(asOfMs).toISOString()}","features":${names},"results":[${results}]}`,
  );
}

/** `status` only where there is something to say. */
function toRowJson({ entityId: id, values, status }: OnlineFeatures): string {
  let json = `{"entity_id":${JSON.stringify(id)},"values":${JSON.stringify(values)}`;
  for (const _ in status) return `${json},"status":${JSON.stringify(status)}}`;
  json += "}";
  return json;
}

async function answerOne(
  exchange: Exchange,
  { reader }: FeatureRoutesOptions,
  lookup: SetLookup,
  set: FeatureSet,
  id: string,
): Promise<void> {
  const { asOfMs, rows } = await readOnlineFeatures(reader, set, lookup, [id], {});
  const { values = [], status, seq } = rows[0] ?? {};
  exchange.sendJson(
    JSON.stringify({
      feature_set: set.name,
      version: set.version,
      entity_type: set.entity.type,
      entity_id: id,
      as_of: new Date(asOfMs).toISOString(),
      last_event_seq: seq,
      features: Object.fromEntries(lookup.features.map(({ name }, index) => [name, values[index]])),
      status,
    }),
  );
}

/** Compiled lookups by set version and names, the latest LOOKUPS_MAX. */
class LookupCache {
  readonly #lookups = new Map<string, SetLookup>();

  find(set: FeatureSet, names: readonly string[] | undefined): SetLookup {
    const key = `${featureSetKey(set)} ${names === undefined ? "" : JSON.stringify(names)}`;
    const known = this.#lookups.get(key);
    if (known !== undefined) return known;
    const lookup = compileSetLookup(set, names);
    this.#lookups.set(key, lookup);
    const [oldest] = this.#lookups.keys();
    if (this.#lookups.size > LOOKUPS_MAX && oldest !== undefined) this.#lookups.delete(oldest);
    return lookup;
  }
}
