/**
 * Deployment over REST, and what a version consists of:
 *
 *     POST /api/v1/models/deploy/{name}@{version}           {strategy, …, reason?, requested_by?}
 *     GET  /api/v1/models/artifacts/{name}@{version}        files with digests, and the signature
 *     GET  /api/v1/models/artifacts/{name}@{version}?file=  one file
 *
 * Bound: DEPLOY_BYTES; one file at a time, since it is held in memory.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import type { ModelRegistry } from "../../storage/model-registry.ts";
import { byOf, changedBy } from "../contract/changed-by.ts";
import { artifactsAnswer, deployRequest, modelAnswer } from "../contract/models.ts";
import { deployment } from "../core/deployment.ts";
import { EngineError } from "../core/errors.ts";
import { modelKey } from "../core/manifest.ts";
import { MODEL_NAME, MODEL_VERSION } from "../core/names.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { checkBody, withBody } from "./json-body.ts";
import { describeModel } from "./model-description.ts";
import { textIn } from "./path-name.ts";

const DEPLOY_BYTES = 16 * 1024;

export interface DeployRoutesOptions {
  readonly registry: Pick<ModelRegistry, "deploy" | "record" | "readFile">;
}

interface ModelId {
  readonly name: string;
  readonly version: string;
}

/** The rest is checked by `deployment`. */
const deployBody = z.looseObject(changedBy);
const fileQuery = z.object({
  file: z.string().optional().describe("path of one file, which is answered instead"),
});
const modelId = z.string().describe("name@version");

export function deployRoutes({ registry }: DeployRoutesOptions): Route[] {
  let isSending = false;
  const sendFile = async (exchange: Exchange, { name, version }: ModelId, path: string): Promise<void> => {
    if (isSending)
      throw new EngineError("BUSY", "another file is being sent: one at a time; try again later");
    isSending = true;
    try {
      exchange.send(200, "application/octet-stream", await registry.readFile(name, version, path));
    } finally {
      isSending = false;
    }
  };
  return [
    {
      method: "post",
      path: "/api/v1/models/deploy/:id",
      takes: "json",
      describes: {
        tag: "Models",
        summary: "Bring a version live, by one of four strategies",
        path: { id: modelId },
        body: deployRequest,
        answers: { 200: modelAnswer },
        errors: ["MODEL_NOT_FOUND", "CONFLICT", "MODEL_INVALID", "MODEL_UNTRUSTED", "SERVICE_UNAVAILABLE"],
      },
      handle: (exchange, req) => {
        const { name, version } = modelIdIn(req);
        withBody(exchange, deployBody, DEPLOY_BYTES, async ({ reason, requested_by, ...asked }) => {
          const by = byOf({ reason, requested_by });
          const state = await registry.deploy(name, version, checkBody(deployment, asked), by);
          exchange.sendJson(JSON.stringify(describeModel(state)));
        });
      },
    },
    {
      method: "get",
      path: "/api/v1/models/artifacts/:id",
      describes: {
        tag: "Models",
        summary: "What a version consists of, or one of its files",
        path: { id: modelId },
        query: fileQuery,
        answers: { 200: { "application/json": artifactsAnswer, "application/octet-stream": z.unknown() } },
        errors: ["MODEL_NOT_FOUND", "MODEL_INVALID", "BUSY", "SERVICE_UNAVAILABLE"],
      },
      handle: (exchange, req) => {
        const id = modelIdIn(req);
        const path = new URLSearchParams(req.getQuery()).get("file");
        exchange.guardAsync(async () =>
          path === null ? describeFiles(exchange, id, registry) : sendFile(exchange, id, path),
        );
      },
    },
  ];
}

async function describeFiles(
  exchange: Exchange,
  { name, version }: ModelId,
  registry: DeployRoutesOptions["registry"],
): Promise<void> {
  const { manifest, files, digest, created_at, signature } = await registry.record(name, version);
  exchange.sendJson(
    JSON.stringify({
      model_id: modelKey(manifest),
      model_name: name,
      model_version: version,
      runtime: manifest.runtime,
      digest,
      created_at,
      signature: signature ?? null,
      manifest,
      files,
    }),
  );
}

/** @throws EngineError MODEL_NOT_FOUND for what can be no version of a model. */
function modelIdIn(req: HttpRequest): ModelId {
  const text = textIn(req, 0);
  const at = text.indexOf("@");
  const id = { name: text.slice(0, at), version: text.slice(at + 1) };
  if (at > 0 && MODEL_NAME.test(id.name) && MODEL_VERSION.test(id.version)) return id;
  throw new EngineError(
    "MODEL_NOT_FOUND",
    "the path must end with a model's name and version, such as fraud@1.0.0",
  );
}
