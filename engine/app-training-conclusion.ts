/**
 * What becomes of a model that has passed its gate: it is registered, signed, given its reference, and deployed as its job says.
 *
 * Invariant: done again, all of it changes nothing, also after what was deployed has been rolled back.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { type ModelRegistry } from "../storage/model-registry.ts";
import { openReferenceStore, type ReferenceStore } from "../storage/reference-store.ts";
import { signContent } from "./app-signatures.ts";
import type { Config } from "./core/config.ts";
import type { ChangedBy } from "./core/deployment.ts";
import { EngineError } from "./core/errors.ts";
import { parseManifest } from "./core/manifest.ts";
import { parseTrainingSpec } from "./core/training-spec.ts";
import { CANARY, PRODUCTION, STAGING } from "./core/version-state.ts";
import { profileId } from "./monitor/references/reference-profile.ts";
import type { JobDocument } from "./train/job-document.ts";
import type { JobRunnerOptions } from "./train/job-runner.ts";
import { nextVersion } from "./train/next-version.ts";
import type { TrainingResult, TrainingTask } from "./train/training-task.ts";

const ATTEMPTS_MAX = 5;
const DIRECT = { strategy: "direct" } as const;

/** @throws EngineError SERVICE_UNAVAILABLE when the bucket of references cannot be opened. */
export async function createConclusion(
  { config, nats }: { readonly config: Config; readonly nats: NatsConnection },
  registry: ModelRegistry,
): Promise<Pick<JobRunnerOptions, "register" | "deploy">> {
  const references = await openReferenceStore(nats, { prefix: config.prefix });
  return {
    register: async (task, result, document) => {
      const version = await register(config, registry, task, result, document);
      await putReference(references, task, result, version);
    },
    deploy: async (task, version, document) => deploy(registry, task, version, document),
  };
}

/** Under the number that the job has, or a later one when somebody has taken that meanwhile. The version's number. */
async function register(
  config: Config,
  registry: ModelRegistry,
  task: TrainingTask,
  { model }: TrainingResult,
  document: JobDocument,
): Promise<string> {
  let { version } = task;
  for (let attempt = 1; ; attempt++) {
    const content = {
      manifest: parseManifest({ ...(model.manifest as object), version }),
      files: new Map(model.files),
    };
    try {
      await registry.push(content, { signature: await signContent(content, config), by: byTrainer(task) });
      return version;
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "CONFLICT" || attempt === ATTEMPTS_MAX)
        throw error;
      version = nextVersion((await registry.stateOf(content.manifest.name)).versions);
      document.set({ model_version: version });
      await document.hold(); // who takes the job over must know the number
    }
  }
}

/** A version that is where it should be stays there; what cannot be deployed now is registered, and a person decides. */
async function deploy(
  registry: ModelRegistry,
  task: TrainingTask,
  version: string,
  document: JobDocument,
): Promise<"deployed" | "registered"> {
  const { model_name: model, deployment } = parseTrainingSpec(task.spec);
  if (deployment.strategy === "none") return "registered";
  try {
    // the first version of a model has nobody to share with
    const strategy = task.champion === undefined && deployment.strategy === "canary" ? DIRECT : deployment;
    await registry.deploy(model, version, strategy, byTrainer(task), task.request.job_id);
    document.log("info", `${model}@${version} is deployed: ${strategy.strategy}`);
    return "deployed";
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "CONFLICT") throw error;
    const { aliases } = await registry.stateOf(model);
    if ([PRODUCTION, CANARY, STAGING].some((alias) => aliases[alias]?.version === version)) return "deployed";
    document.log("warn", `${model}@${version} is registered and not deployed: ${error.message}`);
    return "registered";
  }
}

function byTrainer({ request }: TrainingTask): ChangedBy {
  const { job_id, cause, requested_by: by } = request;
  return {
    requestedBy: "trainer",
    reason: `training job ${job_id}, for ${cause === "manual" ? `manual, by ${by}` : cause}`,
  };
}

async function putReference(
  references: ReferenceStore,
  { request }: TrainingTask,
  { reference, model }: TrainingResult,
  version: string,
): Promise<void> {
  if (reference === undefined) return;
  const { rows } = reference.profile;
  await references.put(
    { name: parseManifest(model.manifest).name, version },
    {
      referenceId: profileId(reference.profile),
      body: reference,
      source: { kind: "training", job_id: request.job_id, rows, labelled_rows: rows },
    },
  );
}
