/** Trainers over a nats-server, whose training is a function of the test. */
import { pino } from "pino";
import type { TrainingJob } from "../../engine/core/training-job.ts";
import { JobRunner, type JobRunnerOptions } from "../../engine/train/job-runner.ts";
import type { TrainingResult, TrainingTask } from "../../engine/train/training-task.ts";
import { openTrainingStore, type TrainingStore } from "../../storage/training-store.ts";
import { JobReader } from "../../streams/job-reader.ts";
import { RetrainEngine } from "./retrain.ts";

export const RESULT: TrainingResult = {
  gate: { verdict: "PASSED" },
  isPassed: true,
  metrics: { roc_auc: { value: 0.9 } },
  model: { manifest: {}, files: new Map() },
  reference: undefined,
  trainingRows: 1000,
};

/** A trainer with a connection of its own, as another process has it. */
export class TestTrainer {
  readonly engine: RetrainEngine;
  readonly documents: TrainingStore;
  readonly told: TrainingJob[] = [];
  /** Versions that were registered here, once per registration. */
  readonly concluded: string[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  private constructor(
    engine: RetrainEngine,
    documents: TrainingStore,
    options: Partial<JobRunnerOptions>,
    ackWaitMs: number,
  ) {
    this.engine = engine;
    this.documents = documents;
    const { client, manager, topology, store } = engine;
    const runner = new JobRunner({
      reader: new JobReader({ client, manager, topology, ackWaitMs }),
      jobs: store,
      documents,
      prepare: async (request, { trials }): Promise<TrainingTask> => ({
        request,
        spec: { model_type: "LINEAR" },
        champion: undefined,
        championDigest: undefined,
        versions: [],
        version: "1.1.0",
        trials,
        codeVersion: "test",
        clickhouseUrl: "",
        analystUrl: "",
        database: "",
      }),
      train: async () => RESULT,
      register: async ({ version }) => void this.concluded.push(version),
      deploy: async () => "registered",
      tell: async (job) => void this.told.push(job),
      clock: () => Date.now(),
      logger: pino({ level: "silent" }),
      ...options,
    });
    this.#running = runner.run(this.#stopping.signal);
  }

  /** @param name of the engines that share streams and records. */
  static async start(
    url: string,
    name: string,
    options: Partial<JobRunnerOptions> = {},
    ackWaitMs = 2_000,
  ): Promise<TestTrainer> {
    const engine = await RetrainEngine.open(url, name);
    return new TestTrainer(
      engine,
      await openTrainingStore(engine.nats, { prefix: name }),
      options,
      ackWaitMs,
    );
  }

  /** As a process that is killed: nothing more is heard from it. */
  async vanish(): Promise<void> {
    await this.engine.nats.close();
    this.#stopping.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.engine.close();
  }
}
