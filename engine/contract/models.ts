/**
 * What the registry answers of models and their versions.
 */
import { z } from "zod";
import { canaryRecord } from "../core/deployment.ts";
import { modelManifest } from "../core/manifest.ts";
import { versionSignature } from "../core/signature.ts";
import { VERSION_STATES } from "../core/version-state.ts";
import { count, name, sha256, share, time, version } from "./texts.ts";

const manifest = modelManifest.meta({ id: "Manifest" });
const signature = versionSignature.meta({ id: "Signature" });
const files = z
  .array(z.strictObject({ path: z.string(), sha256, bytes: count }))
  .describe("by path, ascending");

const state = {
  name,
  aliases: z.record(z.string(), version),
  versions: z.array(version).describe("archived ones too, lowest first"),
  states: z.record(z.string(), z.enum(VERSION_STATES)).describe("by version"),
  archived: z.array(version),
  deprecated: z.array(version),
  canary: z.strictObject({ ...canaryRecord.shape, share }).nullable(),
  warm: z
    .strictObject({ version, until: time })
    .nullable()
    .describe("replaced a short while ago, and loaded until then"),
};

export const modelAnswer = z.strictObject(state).meta({ id: "Model" });
export type ModelAnswer = z.infer<typeof modelAnswer>;

export const modelsAnswer = z
  .strictObject({
    models: z.array(
      z.strictObject({
        ...state,
        served: z.array(version).describe("those that this engine has loaded"),
        problems: z.record(z.string(), z.string()).describe("why a version that is wanted is not served"),
      }),
    ),
  })
  .meta({ id: "Models" });
export type ModelsAnswer = z.infer<typeof modelsAnswer>;

const record = {
  manifest,
  files,
  digest: sha256,
  created_at: time,
  signature: signature.optional(),
};

export const versionAnswer = z.strictObject(record).meta({ id: "ModelVersion" });
export type VersionAnswer = z.infer<typeof versionAnswer>;

export const modelDetailsAnswer = z
  .strictObject({
    ...state,
    records: z.array(z.strictObject({ ...record, reference_id: sha256.optional() })).describe("by version"),
  })
  .meta({ id: "ModelDetails" });
export type ModelDetailsAnswer = z.infer<typeof modelDetailsAnswer>;

export const artifactsAnswer = z
  .strictObject({
    model_id: z.string().describe("name@version"),
    model_name: name,
    model_version: version,
    runtime: modelManifest.shape.runtime,
    digest: sha256,
    created_at: time,
    signature: signature.nullable(),
    manifest,
    files,
  })
  .meta({ id: "Artifacts" });
export type ArtifactsAnswer = z.infer<typeof artifactsAnswer>;

export const modelInfoAnswer = z
  .strictObject({ ...modelManifest.shape, aliases: z.array(z.string()) })
  .meta({ id: "ModelInfo" });
export type ModelInfoAnswer = z.infer<typeof modelInfoAnswer>;
