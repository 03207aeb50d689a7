/**
 * What the registry answers of models and their versions, and how it is asked to change them.
 */
import { z } from "zod";
import { canaryRecord, deployment } from "../core/deployment.ts";
import { modelManifest } from "../core/manifest.ts";
import { MODEL_NAME, MODEL_VERSION } from "../core/names.ts";
import { versionSignature } from "../core/signature.ts";
import { VERSION_STATES } from "../core/version-state.ts";
import { changedBy } from "./changed-by.ts";
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

const FILES_MAX = 1000;

const aliasName = z.string().regex(MODEL_NAME, "must be a lower-case word");
const wantedVersion = z.string().regex(MODEL_VERSION, "must be a semantic version such as 1.0.0");

export const pushRequest = z.strictObject({
  manifest: modelManifest,
  /** Base64 by path. */
  files: z
    .record(z.string().max(512), z.base64())
    .refine((all) => Object.keys(all).length <= FILES_MAX, `at most ${FILES_MAX} files`),
  /** Made by whoever pushes: the engine checks it, and signs nothing itself. */
  signature: versionSignature.optional(),
  /** Alias to point to the version once it is stored. */
  alias: aliasName.optional(),
  ...changedBy,
});
export type PushRequest = z.input<typeof pushRequest>;

export const promoteRequest = z.strictObject({
  version: wantedVersion,
  alias: aliasName.optional(),
  ...changedBy,
});
export type PromoteRequest = z.infer<typeof promoteRequest>;

export const rollbackRequest = z.strictObject({ alias: aliasName.optional(), ...changedBy });
export type RollbackRequest = z.infer<typeof rollbackRequest>;

export const versionRequest = z.strictObject({ version: wantedVersion, ...changedBy });
export type VersionRequest = z.infer<typeof versionRequest>;

const [none, staging, direct, canary] = deployment.options;
export const deployRequest = z.discriminatedUnion("strategy", [
  z.strictObject({ ...none.shape, ...changedBy }),
  z.strictObject({ ...staging.shape, ...changedBy }),
  z.strictObject({ ...direct.shape, ...changedBy }),
  z.strictObject({ ...canary.shape, ...changedBy }),
]);
export type DeployRequest = z.input<typeof deployRequest>;
