/** An external trainer that speaks the protocol and no more: what it does with a fit is the test's matter. */
import { createHash } from "node:crypto";
import { type JetStreamClient, type JsMsg, jetstream } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type ObjectStore, Objm } from "@nats-io/obj";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { FitObjects, FitTask } from "../../engine/core/fit-task.ts";
import type { TrainingSet } from "../../engine/core/training-set.ts";
import type { ExportedModel } from "../../workers/train/trainer.ts";

/** A training process starts with the lowest priority. */
const WAIT_MS = 120_000;

export class FitTrainer {
  readonly nats: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #prefix: string;

  private constructor(nats: NatsConnection, prefix: string) {
    this.nats = nats;
    this.#client = jetstream(nats);
    this.#prefix = prefix;
  }

  static async start(url: string, prefix: string): Promise<FitTrainer> {
    return new FitTrainer(await connect({ servers: url }), prefix);
  }

  /** The next fit that is wanted; one that is not, such as one that was answered and never acknowledged, is dropped. @throws Error when none comes. */
  async next(type = "xgboost"): Promise<HeldFit> {
    for (;;) {
      const fit = await this.take(type);
      if ((await fit.wanted()) !== "nothing") return fit;
      await fit.message.ackAck();
    }
  }

  /** The next fit, wanted or not. @throws Error when none comes. */
  async take(type = "xgboost"): Promise<HeldFit> {
    const consumer = await this.#client.consumers.get(`${this.#prefix.toUpperCase()}_FITS`, type);
    const message = await consumer.next({ expires: WAIT_MS });
    if (message === null) throw new Error("no fit has come");
    const bucket = `${this.#prefix}_fits`;
    const documents = await new Kvm(this.#client).open(bucket);
    return new HeldFit(message, documents, await new Objm(this.#client).open(bucket));
  }

  /** As a process that is killed. */
  async vanish(): Promise<void> {
    await this.nats.close();
  }
}

export class HeldFit {
  readonly message: JsMsg;
  readonly task: FitTask;
  readonly #documents: KV;
  readonly #objects: ObjectStore;

  constructor(message: JsMsg, documents: KV, objects: ObjectStore) {
    this.message = message;
    this.task = message.json<FitTask>();
    this.#documents = documents;
    this.#objects = objects;
  }

  get name(): string {
    return `${this.task.job_id}.${this.task.fit_id}`;
  }

  async wanted(): Promise<unknown> {
    const entry = await this.#documents.get(`${this.name}.order`);
    return entry?.json<{ wanted: unknown }>().wanted;
  }

  async progress(more: Record<string, unknown> = {}): Promise<void> {
    const updated_at = new Date().toISOString();
    const progress = { state: "running", trainer: "test", updated_at, iterations_max: 10, ...more };
    await this.#documents.put(`${this.name}.progress`, JSON.stringify(progress));
  }

  async isAnswered(): Promise<boolean> {
    return (await this.#documents.get(`${this.name}.answer`)) !== null;
  }

  /** Answers, and acknowledges. */
  async answer(answer: Record<string, unknown>): Promise<void> {
    await this.#documents.create(`${this.name}.answer`, JSON.stringify(answer));
    await this.message.ackAck();
  }

  async fail(message: string): Promise<void> {
    await this.answer({ state: "failed", message });
  }

  /** Stores the model and answers with it. @param sha256 what is said of its digest. */
  async done(
    { files, inputTensor, output }: ExportedModel,
    more: Record<string, unknown> = {},
    sha256 = sha256Of(files.get("model.onnx")),
  ): Promise<void> {
    const bytes = Uint8Array.from(files.get("model.onnx") ?? []);
    await this.#objects.putBlob({ name: `${this.name}.${sha256}` }, bytes);
    await this.answer({ state: "done", sha256, input_tensor: inputTensor, output, iterations: 1, ...more });
  }

  /** The rows as they came. */
  async rows(of: "training" | "validation" = "training"): Promise<TrainingSet> {
    const { task } = this;
    const objects = task.objects[of] as FitObjects;
    const features = await this.#npy(objects.features, Float32Array);
    const targets = await this.#npy(objects.targets, Float64Array);
    const width = task.columns.length;
    const columns = task.columns.map((column, at) => ({
      ...column,
      values: Float32Array.from({ length: task.rows[of] }, (_, row) => features[row * width + at] as number),
    }));
    return { rows: task.rows[of], columns, targets };
  }

  async #npy<T>(name: string, type: { new (buffer: ArrayBuffer): T }): Promise<T> {
    const bytes = await this.#objects.getBlob(name);
    if (bytes === null) throw new Error(`there is no object ${name}`);
    const start = 10 + Buffer.from(bytes).readUInt16LE(8);
    return new type(Uint8Array.from(bytes.subarray(start)).buffer);
  }
}

function sha256Of(bytes: Uint8Array = new Uint8Array(0)): string {
  return createHash("sha256").update(bytes).digest("hex");
}
