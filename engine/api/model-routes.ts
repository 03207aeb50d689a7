/**
 * The registry over REST: what `millrace models` does, every other program can do too.
 *
 * Bounds: bodies by SMALL_BODY_BYTES or artifactBytesMax; one push at a time, as its body is held several times over.
 */
import { z } from "zod";
import type { ModelRegistry } from "../../storage/model-registry.ts";
import type { ModelState } from "../../storage/model-state.ts";
import type { ReferenceStore } from "../../storage/reference-store.ts";
import type { VersionRecord } from "../../storage/version-record.ts";
import type { WorkerPool } from "../../workers/pool.ts";
import { byOf } from "../contract/changed-by.ts";
import {
  modelAnswer,
  modelDetailsAnswer,
  modelsAnswer,
  promoteRequest,
  pushRequest,
  rollbackRequest,
  versionAnswer,
  versionRequest,
} from "../contract/models.ts";
import { EngineError } from "../core/errors.ts";
import { modelKey, parseManifest } from "../core/manifest.ts";
import { withExampleRow } from "../example-row.ts";
import type { Models } from "../models.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { describeModel } from "./model-description.ts";
import { modelNameIn, namePath } from "./path-name.ts";
import type { RouteDescription } from "./route-description.ts";

export interface ModelRoutesOptions {
  readonly registry: Pick<
    ModelRegistry,
    "list" | "show" | "check" | "push" | "promote" | "rollback" | "archive" | "deprecate"
  >;
  readonly references: Pick<ReferenceStore, "list">;
  readonly pool: Pick<WorkerPool, "verify">;
  readonly models: Models;
  /** Bytes of all files of one pushed model. */
  readonly artifactBytesMax: number;
}

/** The manifest is checked apart, by parseManifest. */
const pushBody = pushRequest.extend({ manifest: z.unknown() });

const DESCRIBED = {
  list: {
    tag: "Models",
    summary: "All models, and which versions this engine serves",
    answers: { 200: modelsAnswer },
    errors: ["SERVICE_UNAVAILABLE"],
  },
  push: {
    tag: "Models",
    summary: "Push a version, which is checked in a worker first",
    body: pushRequest,
    answers: { 201: versionAnswer },
    errors: [
      "MODEL_INVALID",
      "MODEL_UNTRUSTED",
      "MODEL_NOT_FOUND",
      "CONFLICT",
      "BUSY",
      "WORKER_FAILED",
      "DEADLINE_EXCEEDED",
      "SERVICE_UNAVAILABLE",
    ],
  },
  show: {
    tag: "Models",
    summary: "One model with the records of its versions",
    path: { name: namePath },
    answers: { 200: modelDetailsAnswer },
    errors: ["MODEL_NOT_FOUND", "MODEL_INVALID", "SERVICE_UNAVAILABLE"],
  },
} satisfies Readonly<Record<string, RouteDescription>>;

function describedChange(summary: string, body: z.ZodType): RouteDescription {
  return {
    tag: "Models",
    summary,
    path: { name: namePath },
    body,
    answers: { 200: modelAnswer },
    errors: ["MODEL_NOT_FOUND", "CONFLICT", "MODEL_INVALID", "MODEL_UNTRUSTED", "SERVICE_UNAVAILABLE"],
  };
}

export function modelRoutes(options: ModelRoutesOptions): Route[] {
  const slot = new PushSlot();
  return [
    {
      method: "get",
      path: "/models",
      describes: DESCRIBED.list,
      handle: (exchange) => exchange.guardAsync(async () => list(exchange, options)),
    },
    {
      method: "post",
      path: "/models",
      takes: "json",
      describes: DESCRIBED.push,
      handle: (exchange) => push(exchange, slot, options),
    },
    {
      method: "get",
      path: "/models/:name",
      describes: DESCRIBED.show,
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        exchange.guardAsync(async () => show(exchange, model, options));
      },
    },
    ...changeRoutes(options),
  ];
}

/** What moves aliases, and marks versions. */
function changeRoutes({ registry }: ModelRoutesOptions): Route[] {
  const change = <T>(
    action: string,
    summary: string,
    schema: z.ZodType<T>,
    work: (model: string, body: T) => Promise<ModelState>,
  ): Route => ({
    method: "post",
    path: `/models/:name/${action}`,
    takes: "json",
    describes: describedChange(summary, schema),
    handle: (exchange, req) => {
      const model = modelNameIn(req);
      withBody(exchange, schema, SMALL_BODY_BYTES, async (body) =>
        exchange.sendJson(JSON.stringify(describeModel(await work(model, body)))),
      );
    },
  });
  return [
    change(
      "promote",
      "Point an alias to a version; production unless told",
      promoteRequest,
      async (model, body) => registry.promote(model, body.version, body.alias, byOf(body)),
    ),
    change("rollback", "Point an alias to the version before", rollbackRequest, async (model, body) =>
      registry.rollback(model, body.alias, byOf(body)),
    ),
    change("archive", "Put a version away that no alias points to", versionRequest, async (model, body) =>
      registry.archive(model, body.version, byOf(body)),
    ),
    change("deprecate", "Say that a version should not be used", versionRequest, async (model, body) =>
      registry.deprecate(model, body.version, byOf(body)),
    ),
  ];
}

async function show(
  exchange: Exchange,
  model: string,
  { registry, references }: ModelRoutesOptions,
): Promise<void> {
  const [{ records, ...state }, found] = await Promise.all([registry.show(model), references.list(model)]);
  const ids = new Map(found.map(({ version, record }) => [version, record.reference_id]));
  const described = records.map((record) => ({
    ...record,
    reference_id: ids.get(record.manifest.version),
  }));
  exchange.sendJson(JSON.stringify({ ...describeModel(state), records: described }));
}

async function list(exchange: Exchange, { registry, models }: ModelRoutesOptions): Promise<void> {
  const served = new Set(models.served().map(({ manifest }) => modelKey(manifest)));
  const problems = models.problems();
  const states = await registry.list();
  const described = states.map((state) => ({
    ...describeModel(state),
    served: state.versions.filter((candidate) => served.has(`${state.name}@${candidate}`)),
    problems: Object.fromEntries(
      state.versions.flatMap((candidate) => {
        const problem = problems.get(`${state.name}@${candidate}`);
        return problem === undefined ? [] : [[candidate, problem]];
      }),
    ),
  }));
  exchange.sendJson(JSON.stringify({ models: described }));
}

/** Who is pushing: from its first byte to its answer, or, if the client has gone, to the end of the work on it. */
class PushSlot {
  #holder: Exchange | undefined;
  #isWorking = false;

  /** @throws EngineError BUSY */
  take(exchange: Exchange): void {
    if (this.#isWorking || this.#holder?.isOver === false)
      throw new EngineError("BUSY", "another model is being pushed: one at a time; try again later");
    this.#holder = exchange;
  }

  async work(task: () => Promise<void>): Promise<void> {
    this.#isWorking = true;
    try {
      await task();
    } finally {
      this.#isWorking = false;
    }
  }
}

function push(exchange: Exchange, slot: PushSlot, options: ModelRoutesOptions): void {
  const bodyBytesMax = Math.ceil((options.artifactBytesMax * 4) / 3) + 1024 * 1024;
  slot.take(exchange);
  withBody(exchange, pushBody, bodyBytesMax, async (body) =>
    slot.work(async () => {
      const record = await store(body, options);
      exchange.send(201, "application/json", JSON.stringify(record));
    }),
  );
}

/** Checks the model by loading it in a worker before anything is stored. */
async function store(
  body: z.infer<typeof pushBody>,
  { registry, pool }: ModelRoutesOptions,
): Promise<VersionRecord> {
  const manifest = parseManifest(body.manifest);
  const files = new Map(
    Object.entries(body.files).map(([path, text]) => [path, Buffer.from(text, "base64")]),
  );
  await registry.check({ manifest, files }, body.signature); // before a worker reads what nobody vouches for
  await pool.verify(withExampleRow({ manifest, files }));
  const by = byOf(body);
  const record = await registry.push({ manifest, files }, { signature: body.signature, by });
  if (body.alias !== undefined) await registry.promote(manifest.name, manifest.version, body.alias, by);
  return record;
}
