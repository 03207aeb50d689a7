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
import { EngineError } from "../core/errors.ts";
import { modelKey, parseManifest } from "../core/manifest.ts";
import { MODEL_NAME, MODEL_VERSION } from "../core/names.ts";
import { versionSignature } from "../core/signature.ts";
import { withExampleRow } from "../example-row.ts";
import type { Models } from "../models.ts";
import { byOf, changedBy } from "./changed-by.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { describeModel } from "./model-description.ts";
import { modelNameIn } from "./path-name.ts";

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

const FILES_MAX = 1000;

const alias = z.string().regex(MODEL_NAME, "must be a lower-case word");
const version = z.string().regex(MODEL_VERSION, "must be a semantic version such as 1.0.0");

const pushBody = z.strictObject({
  manifest: z.unknown(),
  /** Base64 by path. */
  files: z
    .record(z.string().max(512), z.base64())
    .refine((files) => Object.keys(files).length <= FILES_MAX, `at most ${FILES_MAX} files`),
  /** Made by whoever pushes: the engine checks it, and signs nothing itself. */
  signature: versionSignature.optional(),
  /** Alias to point to the version once it is stored. */
  alias: alias.optional(),
  ...changedBy,
});
const promoteBody = z.strictObject({ version, alias: alias.optional(), ...changedBy });
const rollbackBody = z.strictObject({ alias: alias.optional(), ...changedBy });
const versionBody = z.strictObject({ version, ...changedBy });

export function modelRoutes(options: ModelRoutesOptions): Route[] {
  const { registry, references } = options;
  const slot = new PushSlot();
  const change = <T>(
    path: string,
    schema: z.ZodType<T>,
    work: (model: string, body: T) => Promise<ModelState>,
  ): Route => ({
    method: "post",
    path,
    takes: "json",
    handle: (exchange, req) => {
      const model = modelNameIn(req);
      withBody(exchange, schema, SMALL_BODY_BYTES, async (body) =>
        exchange.sendJson(JSON.stringify(describeModel(await work(model, body)))),
      );
    },
  });
  return [
    {
      method: "get",
      path: "/models",
      handle: (exchange) => exchange.guardAsync(async () => list(exchange, options)),
    },
    { method: "post", path: "/models", takes: "json", handle: (exchange) => push(exchange, slot, options) },
    {
      method: "get",
      path: "/models/:name",
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        exchange.guardAsync(async () => {
          const [{ records, ...state }, found] = await Promise.all([
            registry.show(model),
            references.list(model),
          ]);
          const ids = new Map(found.map(({ version, record }) => [version, record.reference_id]));
          const described = records.map((record) => ({
            ...record,
            reference_id: ids.get(record.manifest.version),
          }));
          exchange.sendJson(JSON.stringify({ ...describeModel(state), records: described }));
        });
      },
    },
    change("/models/:name/promote", promoteBody, async (model, body) =>
      registry.promote(model, body.version, body.alias, byOf(body)),
    ),
    change("/models/:name/rollback", rollbackBody, async (model, body) =>
      registry.rollback(model, body.alias, byOf(body)),
    ),
    change("/models/:name/archive", versionBody, async (model, body) =>
      registry.archive(model, body.version, byOf(body)),
    ),
    change("/models/:name/deprecate", versionBody, async (model, body) =>
      registry.deprecate(model, body.version, byOf(body)),
    ),
  ];
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
