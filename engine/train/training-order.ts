/**
 * From a retraining request to a task: how to train, from what, and under which number, as the registry and the model's record say now.
 */
import { z } from "zod";
import { EngineError } from "../core/errors.ts";
import type { LabelPositions } from "../core/labelled-rows.ts";
import type { RetrainRequest } from "../core/retrain-request.ts";
import type { TrainingJob } from "../core/training-job.ts";
import { trainingSource } from "../core/training-lineage.ts";
import { parseTrainingSpec, type TrainingSpec } from "../core/training-spec.ts";
import { LINEAGE_FILE } from "./lineage.ts";
import { nextVersion } from "./next-version.ts";
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
  readonly database: string;
}

/** @throws EngineError INVALID_REQUEST when the specification cannot be read. */
export function toTrainingTask(parts: OrderParts): TrainingTask {
  const { request, document, model, codeVersion, clickhouseUrl, database } = parts;
  return {
    request,
    spec: specOf(parts),
    champion: model?.champion,
    championDigest: model?.champion?.digest,
    versions: model?.manifests ?? [],
    upTo: positionsIn(document.data),
    version: document.model_version ?? nextVersion(model?.versions ?? []),
    trials: document.trials,
    codeVersion,
    clickhouseUrl,
    database,
  };
}

/** What was asked for; else what stands in the record; else as the version that serves was trained; else the defaults. */
function specOf({ request, standing, model }: OrderParts): TrainingSpec {
  const model_name = request.model_name;
  const found = request.training ?? standing ?? specInLineage(model?.champion);
  const spec = parseTrainingSpec({ model_name, ...(found as object | undefined) });
  if (spec.model_name === model_name) return spec;
  throw new EngineError(
    "INVALID_REQUEST",
    `model_name: the specification is for ${spec.model_name}, not ${model_name}`,
  );
}

/** Undefined when the version was not trained here, or from what a later job cannot read again. */
function specInLineage(champion: ModelFiles | undefined): unknown {
  const bytes = champion?.files.get(LINEAGE_FILE);
  if (bytes === undefined) return undefined;
  const { data: lineage } = z
    .looseObject({ spec: z.looseObject({ data: z.looseObject({ source: z.string() }) }) })
    .safeParse(parseJson(bytes));
  return lineage?.spec.data.source === "file" ? { ...lineage.spec, data: undefined } : lineage?.spec;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Up to where an earlier attempt has read. */
function positionsIn(data: TrainingJob["data"]): LabelPositions | undefined {
  const source = trainingSource.safeParse(data?.["source"]).data;
  return source?.source === "labelled" ? source.positions : undefined;
}
