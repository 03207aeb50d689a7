/**
 * What the engine and external trainers hand to each other about fits (core/fit-task): documents in the KV bucket `<prefix>_fits`, rows and
 * models in the Object Store `<prefix>_fits`.
 *
 *     keys      <job_id>.<fit_id>.order │ .progress │ .answer          objects   <job_id>.<fit_id>.<sha256>
 *
 * Bounds: everything goes a day after it was written, objects as soon as their fit is withdrawn; a model has MODEL_BYTES_MAX.
 */
import { jetstream } from "@nats-io/jetstream";
import { type ObjectStore, Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { EngineError } from "../engine/core/errors.ts";
import {
  type FitAnswer,
  type FitName,
  type FitOrder,
  type FitProgress,
  fitAnswer,
  fitProgress,
} from "../engine/core/fit-task.ts";
import { ArtifactStore } from "./artifact-store.ts";
import { type DocumentBucket, openDocumentBucket } from "./document-bucket.ts";
import { insist } from "./nats-failure.ts";

const AGE_MS_MAX = 24 * 3_600_000;
const MODEL_BYTES_MAX = 256 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 3_000;

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function openFitStore(
  connection: NatsConnection,
  { prefix }: { readonly prefix: string },
): Promise<FitStore> {
  const bucket = `${prefix}_fits`;
  const documents = await openDocumentBucket(connection, bucket, { ageMsMax: AGE_MS_MAX });
  const manager = new Objm(jetstream(connection, { timeout: REQUEST_TIMEOUT_MS }));
  const ttl = AGE_MS_MAX * 1_000_000;
  const objects = await insist("open the store of fits", () => manager.create(bucket, { ttl }));
  return new FitStore(documents, objects);
}

export class FitStore {
  readonly #documents: DocumentBucket;
  readonly #objects: ObjectStore;

  constructor(documents: DocumentBucket, objects: ObjectStore) {
    this.#documents = documents;
    this.#objects = objects;
  }

  /** Says what is wanted of the fit. @throws EngineError SERVICE_UNAVAILABLE */
  async order(fit: FitName, wanted: FitOrder): Promise<void> {
    await this.#documents.change(keyOf(fit, "order"), () => ({ write: { wanted }, result: undefined }));
  }

  /** Undefined until a trainer has taken the fit. @throws EngineError TRAINING_FAILED when it cannot be read; SERVICE_UNAVAILABLE */
  async progress(fit: FitName): Promise<FitProgress | undefined> {
    const json = await this.#documents.get(keyOf(fit, "progress"));
    return json === undefined ? undefined : parsed(fitProgress, "progress", json);
  }

  /** Undefined until there is one. @throws EngineError TRAINING_FAILED when it cannot be read; SERVICE_UNAVAILABLE */
  async answer(fit: FitName): Promise<FitAnswer | undefined> {
    const json = await this.#documents.get(keyOf(fit, "answer"));
    return json === undefined ? undefined : parsed(fitAnswer, "answer", json);
  }

  /** The name of the object that holds the bytes now. @throws EngineError SERVICE_UNAVAILABLE */
  async put(fit: FitName, bytes: Uint8Array): Promise<string> {
    return objectOf(fit, await this.#blobs(fit).putBlob(bytes));
  }

  /** What the trainer stored. @throws EngineError TRAINING_FAILED when it is missing, too large or has another digest; SERVICE_UNAVAILABLE */
  async model(fit: FitName, sha256: string): Promise<Uint8Array> {
    const name = objectOf(fit, sha256);
    const info = await insist(`look at ${name}`, () => this.#objects.info(name));
    if (info !== null && info.size > MODEL_BYTES_MAX)
      throw broken(`its model has ${info.size} bytes; at most ${MODEL_BYTES_MAX} are taken`);
    try {
      return await this.#blobs(fit).getBlob(sha256);
    } catch (error) {
      if (error instanceof EngineError && error.code === "MODEL_INVALID")
        throw broken(`the object ${name} is missing or has another digest`, error);
      throw error;
    }
  }

  /**
   * Nothing is wanted any more of the job's fits, or of one: trainers see it, and their objects go. May be done again.
   * @throws EngineError SERVICE_UNAVAILABLE
   */
  async withdraw(jobId: string, fitId = "*"): Promise<void> {
    const { documents } = await this.#documents.list(`${jobId}.${fitId}.order`);
    for (const key of documents.keys())
      await this.#documents.change(key, () => ({ write: { wanted: "nothing" }, result: undefined }));
    const start = fitId === "*" ? `${jobId}.` : `${jobId}.${fitId}.`;
    const objects = await insist("list the objects of fits", () => this.#objects.list());
    for (const { name, deleted } of objects)
      if (name.startsWith(start) && !deleted)
        await insist(`delete ${name}`, async () => this.#objects.delete(name));
  }

  #blobs(fit: FitName): ArtifactStore {
    return new ArtifactStore(this.#objects, { namePrefix: objectOf(fit, "") });
  }
}

function keyOf(fit: FitName, document: "order" | "progress" | "answer"): string {
  return `${fit.jobId}.${fit.fitId}.${document}`;
}

function objectOf({ jobId, fitId }: FitName, sha256: string): string {
  return `${jobId}.${fitId}.${sha256}`;
}

function parsed<T>(
  schema: { safeParse(json: unknown): { data?: T; error?: { issues: readonly Issue[] } } },
  document: string,
  json: unknown,
): T {
  const { data, error } = schema.safeParse(json);
  if (data !== undefined) return data;
  const [issue] = error?.issues ?? [];
  throw broken(`its ${document} is wrong at ${issue?.path.join(".") || "the top"}: ${issue?.message}`);
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function broken(problem: string, cause?: unknown): EngineError {
  const message = `the external trainer breaks the protocol: ${problem}. Mend the trainer (examples/python-trainer).`;
  return new EngineError("TRAINING_FAILED", message, cause === undefined ? {} : { cause });
}
