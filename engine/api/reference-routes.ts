/**
 * References of model versions over REST: read, uploaded, or made from predictions in a window.
 *
 * Bounds: bodies by REFERENCE_BYTES_MAX or SMALL_BODY_BYTES; one reference is made at a time.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import type { ModelRegistry } from "../../storage/model-registry.ts";
import type { NewReference, ReferenceStore } from "../../storage/reference-store.ts";
import { referenceAnswer, referenceRecordAnswer } from "../contract/references.ts";
import { EngineError } from "../core/errors.ts";
import { type ModelManifest, modelKey } from "../core/manifest.ts";
import type { ReferenceSource } from "../core/reference-source.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "../core/timestamp.ts";
import { parseReference, referenceContent } from "../monitor/references/reference-document.ts";
import { BINS_MAX, profileId } from "../monitor/references/reference-profile.ts";
import type { WindowReference, WindowReferenceJob } from "../monitor/references/window-reference.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { modelNameIn, namePath, textIn } from "./path-name.ts";
import type { RouteDescription } from "./route-description.ts";

export interface ReferenceRoutesOptions {
  readonly registry: Pick<ModelRegistry, "resolve">;
  readonly store: Pick<ReferenceStore, "get" | "put">;
  readonly build: (job: WindowReferenceJob) => Promise<WindowReference>;
}

const REFERENCE_BYTES_MAX = 16 * 1024 * 1024;
const PATH = "/models/:name/versions/:version/reference";

const moment = z.union([z.string(), z.number()]).transform((value, context) => {
  const ms = parseTimestamp(value);
  if (!Number.isNaN(ms)) return ms;
  context.addIssue({ code: "custom", message: `must be ${TIMESTAMP_FORM}` });
  return z.NEVER;
});

const windowBody = z.strictObject({
  window: z
    .strictObject({ from: moment, to: moment })
    .refine(({ from, to }) => from < to, "from must be before to"),
  bins: z.number().int().min(2).max(BINS_MAX).optional(),
});

const count = z.number().int().min(0);
const uploadBody = z.strictObject({
  profile: z.unknown(),
  metrics: z.unknown().optional(),
  estimator: z.unknown().optional(),
  /** What made it knows of its rows. */
  source: z
    .strictObject({
      /** Of a file. */
      name: z.string().min(1).max(256).optional(),
      labelled_rows: count.default(0),
      sampled_from: count.optional(),
    })
    .default({ labelled_rows: 0 }),
});

/** With what the content is checked by. */
const describedUpload = uploadBody.safeExtend(referenceContent.shape);
const placePath = { name: namePath, version: z.string().describe("a version or an alias") };

const DESCRIBED = {
  show: {
    tag: "Models",
    summary: "The reference of a version: what its inputs and outputs looked like",
    path: placePath,
    answers: { 200: referenceAnswer },
    errors: ["MODEL_NOT_FOUND", "REFERENCE_NOT_FOUND", "MODEL_INVALID", "SERVICE_UNAVAILABLE"],
  },
  upload: {
    tag: "Models",
    summary: "Upload the reference of a version",
    path: placePath,
    body: describedUpload,
    answers: { 200: referenceRecordAnswer, 201: referenceRecordAnswer },
    errors: ["MODEL_NOT_FOUND", "MODEL_INVALID", "CONFLICT", "SERVICE_UNAVAILABLE"],
  },
  build: {
    tag: "Models",
    summary: "Make the reference of a version from its predictions in a window",
    path: placePath,
    body: windowBody,
    answers: { 200: referenceRecordAnswer, 201: referenceRecordAnswer },
    errors: ["MODEL_NOT_FOUND", "MODEL_INVALID", "CONFLICT", "BUSY", "SERVICE_UNAVAILABLE"],
  },
} satisfies Readonly<Record<string, RouteDescription>>;

export function referenceRoutes(options: ReferenceRoutesOptions): Route[] {
  let isBusy = false;
  const build = async (exchange: Exchange, place: Place, body: z.infer<typeof windowBody>): Promise<void> => {
    if (isBusy)
      throw new EngineError("BUSY", "another reference is being made: one at a time; try again later");
    isBusy = true;
    try {
      await buildReference(exchange, place, options, body);
    } finally {
      isBusy = false;
    }
  };
  return [
    {
      method: "get",
      path: PATH,
      describes: DESCRIBED.show,
      handle: (exchange, req) => {
        const place = placeIn(req);
        exchange.guardAsync(async () => show(exchange, place, options));
      },
    },
    {
      method: "put",
      path: PATH,
      takes: "json",
      describes: DESCRIBED.upload,
      handle: (exchange, req) => {
        const place = placeIn(req);
        withBody(exchange, uploadBody, REFERENCE_BYTES_MAX, async (body) =>
          upload(exchange, place, options, body),
        );
      },
    },
    {
      method: "post",
      path: PATH,
      takes: "json",
      describes: DESCRIBED.build,
      handle: (exchange, req) => {
        const place = placeIn(req);
        withBody(exchange, windowBody, SMALL_BODY_BYTES, async (body) => build(exchange, place, body));
      },
    },
  ];
}

interface Place {
  readonly model: string;
  /** Or an alias. */
  readonly version: string;
}

function placeIn(req: HttpRequest): Place {
  return { model: modelNameIn(req), version: textIn(req, 1) };
}

async function show(
  exchange: Exchange,
  { model, version }: Place,
  { registry, store }: ReferenceRoutesOptions,
): Promise<void> {
  const { manifest } = await registry.resolve(model, version);
  const found = await store.get(manifest);
  if (found === undefined)
    throw new EngineError(
      "REFERENCE_NOT_FOUND",
      `${modelKey(manifest)} has no reference yet: millrace reference create ${model} --version ${manifest.version}`,
    );
  const { reference_id, digest, source, created_at, previous } = found.record;
  const content = parseReference(found.body, manifest);
  const head = { model_name: model, model_version: manifest.version, reference_id, digest };
  exchange.sendJson(JSON.stringify({ ...head, source, created_at, previous, ...content }));
}

async function upload(
  exchange: Exchange,
  { model, version }: Place,
  options: ReferenceRoutesOptions,
  { source: given, ...json }: z.infer<typeof uploadBody>,
): Promise<void> {
  const { manifest } = await options.registry.resolve(model, version);
  const content = parseReference(json, manifest);
  const { rows } = content.profile;
  const { name, labelled_rows, sampled_from } = given;
  checkCounts(rows, given);
  const counts = { rows, labelled_rows, ...(sampled_from === undefined ? {} : { sampled_from }) };
  const source: ReferenceSource =
    name === undefined ? { kind: "upload", ...counts } : { kind: "file", name, ...counts };
  await put(exchange, manifest, options, { referenceId: profileId(content.profile), body: content, source });
}

function checkCounts(
  rows: number,
  { labelled_rows, sampled_from = rows }: z.infer<typeof uploadBody>["source"],
): void {
  const field = labelled_rows > rows ? "labelled_rows" : sampled_from < rows ? "sampled_from" : undefined;
  if (field === undefined) return;
  const message = `must be at ${field === "labelled_rows" ? "most" : "least"} the ${rows} rows of the profile`;
  const details = [{ field: `source.${field}`, message }];
  throw new EngineError("INVALID_REQUEST", `reference: source.${field}: ${message}`, { details });
}

async function buildReference(
  exchange: Exchange,
  { model, version }: Place,
  options: ReferenceRoutesOptions,
  { window, bins }: z.infer<typeof windowBody>,
): Promise<void> {
  const { manifest } = await options.registry.resolve(model, version);
  const { content, source } = await options.build({ manifest, fromMs: window.from, toMs: window.to, bins });
  parseReference(content, manifest);
  await put(exchange, manifest, options, { referenceId: profileId(content.profile), body: content, source });
}

/** 201 with the record, or 200 if the version had this very reference already. */
async function put(
  exchange: Exchange,
  manifest: ModelManifest,
  { store }: ReferenceRoutesOptions,
  reference: NewReference,
): Promise<void> {
  const { record, isNew } = await store.put(manifest, reference);
  const head = { model_name: manifest.name, model_version: manifest.version };
  exchange.send(isNew ? 201 : 200, "application/json", JSON.stringify({ ...head, ...record }));
}
