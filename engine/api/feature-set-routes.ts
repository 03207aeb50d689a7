/**
 * The registry of feature sets over REST: what `millrace features` does, every other program can do too.
 *
 * Bound: a definition by DEFINITION_BYTES_MAX, and then by what one NATS message holds.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import type { FeatureRegistry } from "../../storage/feature-registry.ts";
import type { ModelRegistry } from "../../storage/model-registry.ts";
import {
  featureSetDetailsAnswer,
  featureSetRecordAnswer,
  featureSetStateAnswer,
  featureSetsAnswer,
} from "../contract/features.ts";
import { EngineError } from "../core/errors.ts";
import { type FeatureSet, featureSet, featureSetKey } from "../core/feature-set.ts";
import { MODEL_VERSION } from "../core/names.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { nameIn, namePath } from "./path-name.ts";
import type { RouteDescription } from "./route-description.ts";

type Registry = Pick<FeatureRegistry, "apply" | "list" | "show" | "archive">;

export interface FeatureSetRoutesOptions {
  readonly registry: Registry;
  readonly models: Pick<ModelRegistry, "aliased">;
  /** Active versions whose columns are not filled from history yet. */
  readonly lacking: () => Promise<readonly FeatureSet[]>;
}

const TAKERS_NAMED_MAX = 10;
const DEFINITION_BYTES_MAX = 8 * 1024 * 1024;

const archiveBody = z.strictObject({
  version: z.string().regex(MODEL_VERSION, "must be a semantic version such as 1.0.0"),
});

const DESCRIBED = {
  list: {
    tag: "Features",
    summary: "Feature sets and their versions",
    answers: { 200: featureSetsAnswer },
    errors: ["SERVICE_UNAVAILABLE"],
  },
  apply: {
    tag: "Features",
    summary: "Apply a version of a feature set",
    body: featureSet,
    answers: { 200: featureSetRecordAnswer, 201: featureSetRecordAnswer },
    errors: ["FEATURE_SET_INVALID", "CONFLICT", "SERVICE_UNAVAILABLE"],
  },
  show: {
    tag: "Features",
    summary: "One feature set with the records of its versions",
    path: { name: namePath },
    answers: { 200: featureSetDetailsAnswer },
    errors: ["FEATURE_SET_NOT_FOUND", "FEATURE_SET_INVALID", "SERVICE_UNAVAILABLE"],
  },
  archive: {
    tag: "Features",
    summary: "Serve a version no longer",
    path: { name: namePath },
    body: archiveBody,
    answers: { 200: featureSetStateAnswer },
    errors: ["FEATURE_SET_NOT_FOUND", "FEATURE_SET_INVALID", "CONFLICT", "SERVICE_UNAVAILABLE"],
  },
} satisfies Readonly<Record<string, RouteDescription>>;

export function featureSetRoutes({ registry, models, lacking }: FeatureSetRoutesOptions): Route[] {
  return [
    {
      method: "get",
      path: "/feature-sets",
      describes: DESCRIBED.list,
      handle: (exchange) =>
        exchange.guardAsync(async () => {
          const [sets, unfilled] = await Promise.all([registry.list(), lacking()]);
          const listed = sets.map((set) => ({ ...set, ...backfillingOf(set.name, unfilled) }));
          exchange.sendJson(JSON.stringify({ feature_sets: listed }));
        }),
    },
    {
      method: "post",
      path: "/feature-sets",
      takes: "json",
      describes: DESCRIBED.apply,
      handle: (exchange) => apply(exchange, registry),
    },
    {
      method: "get",
      path: "/feature-sets/:name",
      describes: DESCRIBED.show,
      handle: (exchange, req) => {
        const name = setNameIn(req);
        exchange.guardAsync(async () => exchange.sendJson(JSON.stringify(await registry.show(name))));
      },
    },
    {
      method: "post",
      path: "/feature-sets/:name/archive",
      takes: "json",
      describes: DESCRIBED.archive,
      handle: (exchange, req) => {
        const name = setNameIn(req);
        withBody(exchange, archiveBody, SMALL_BODY_BYTES, async ({ version }) => {
          await refuseTaken(models, name, version);
          exchange.sendJson(JSON.stringify(await registry.archive(name, version)));
        });
      },
    },
  ];
}

/** Only where there is something to say. */
function backfillingOf(name: string, unfilled: readonly FeatureSet[]): { backfilling?: string[] } {
  const backfilling = unfilled.filter((set) => set.name === name).map(({ version }) => version);
  return backfilling.length === 0 ? {} : { backfilling };
}

/** 201 for a new version, 200 for one that was there with the same content. */
function apply(exchange: Exchange, registry: Registry): void {
  withBody(exchange, z.unknown(), DEFINITION_BYTES_MAX, async (body) => {
    const { record, isNew } = await registry.apply(body);
    exchange.send(isNew ? 201 : 200, "application/json", JSON.stringify(record));
  });
}

/** Windows of an archived set stand still: a model that is served would get them without a word. */
async function refuseTaken(
  models: FeatureSetRoutesOptions["models"],
  name: string,
  version: string,
): Promise<void> {
  const takers = (await models.aliased()).filter(({ manifest }) =>
    manifest.inputs.some(({ feature }) => feature?.set === name && feature.version === version),
  );
  if (takers.length === 0) return;
  const named = takers
    .slice(0, TAKERS_NAMED_MAX)
    .map(({ manifest }) => `${manifest.name}@${manifest.version}`);
  const more = takers.length > named.length ? ` and of ${takers.length - named.length} more` : "";
  throw new EngineError(
    "CONFLICT",
    `${featureSetKey({ name, version })} fills inputs of ${named.join(", ")}${more}, to which aliases point: promote others first`,
  );
}

function setNameIn(req: HttpRequest): string {
  const name = nameIn(req);
  if (name !== undefined) return name;
  throw new EngineError(
    "FEATURE_SET_NOT_FOUND",
    "there is no feature set of that name; see GET /feature-sets",
  );
}
