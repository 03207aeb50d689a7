/**
 * From a retraining request to a task: how to train, from what, and under which number, as the registry and the model's record say now.
 */
import { EngineError } from "../core/errors.ts";
import type { LabelPositions } from "../core/labelled-rows.ts";
import type { RetrainRequest } from "../core/retrain-request.ts";
import type { TrainingJob } from "../core/training-job.ts";
import { trainingSource } from "../core/training-lineage.ts";
import { parseTrainingSpec, type TrainingSpec } from "../core/training-spec.ts";
import { nextVersion } from "./next-version.ts";
import { specRemembered } from "./remembered-training.ts";
import type { ModelFiles, TrainingTask } from "./training-task.ts";

/** A model as the registry has it; undefined for one that it does not have yet. */
export interface RegisteredModel {
  readonly versions: readonly string[];
  readonly manifests: readonly unknown[];
  /** Of the version that serves. */
  readonly champion: (ModelFiles & { readonly digest: string }) | undefined;
}

export interface OrderParts {
  readonly request: RetrainRequest;
  readonly document: TrainingJob;
  /** The specification that stands in the model's record. */
  readonly standing: unknown;
  readonly model: RegisteredModel | undefined;
  readonly codeVersion: string;
  readonly clickhouseUrl: string;
  readonly analystUrl: string;
  readonly database: string;
}

/** @throws EngineError INVALID_REQUEST when the specification cannot be read. */
export function toTrainingTask(parts: OrderParts): TrainingTask {
  const { request, document, model, codeVersion, clickhouseUrl, analystUrl, database } = parts;
  const before = labelledBefore(document.data);
  return {
    request,
    spec: specOf(parts),
    champion: model?.champion,
    championDigest: model?.champion?.digest,
    versions: (model?.manifests ?? []).filter(
      (manifest) => before?.versions.includes(versionIn(manifest)) ?? true,
    ),
    upTo: before?.positions,
    version: document.model_version ?? nextVersion(model?.versions ?? []),
    trials: document.trials,
    triedOn: fingerprintIn(document.data),
    codeVersion,
    clickhouseUrl,
    analystUrl,
    database,
  };
}

/** What an earlier attempt carried out; else what was asked for; else what stands in the record; else as the version that serves was trained; else the defaults. */
function specOf({ request, document, standing, model }: OrderParts): TrainingSpec {
  const model_name = request.model_name;
  const found = document.spec ?? request.training ?? standing ?? specRemembered(model?.champion?.files);
  const spec = parseTrainingSpec({ model_name, ...(found as object) });
  if (spec.model_name === model_name) return spec;
  throw new EngineError(
    "INVALID_REQUEST",
    `model_name: the specification is for ${spec.model_name}, not ${model_name}`,
  );
}

/** Of the rows that a job has read. */
export function fingerprintIn(data: TrainingJob["data"]): string | undefined {
  const fingerprint = data?.["fingerprint"];
  return typeof fingerprint === "string" ? fingerprint : undefined;
}

/** What an earlier attempt has read: up to where, and of which versions. Its own may be among those that there are by now. */
function labelledBefore(
  data: TrainingJob["data"],
): { readonly positions: LabelPositions; readonly versions: readonly string[] } | undefined {
  const source = trainingSource.safeParse(data?.["source"]).data;
  return source?.source === "labelled" ? source : undefined;
}

function versionIn(manifest: unknown): string {
  return String((manifest as { readonly version?: unknown }).version);
}
