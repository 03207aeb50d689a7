/**
 * Training jobs on a whole engine whose processes are killed, that are cancelled or take too much memory: at every stage, with three
 * trainers at work. In the end each job has ended once, and what was told or registered of it is there once.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Objm } from "@nats-io/obj";
import { connect } from "@nats-io/transport-node";
import type { TrainingJob, TrainingStage } from "../../engine/core/training-job.ts";
import { type ModelRegistry, openModelRegistry } from "../../storage/model-registry.ts";
import { createTopology } from "../../streams/topology.ts";
import { jsonOf } from "../support/answers.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { HttpLoad } from "../support/http-load.ts";
import { isRunning, pidOf, trainingPid } from "../support/processes.ts";
import { createRandom } from "../support/random.ts";
import { serveAndLabel, serveCopies } from "../support/served-labels.ts";
import { messagesOf } from "../support/stream-messages.ts";
import { MOMENTS, STAGES, TrainingWatch } from "../support/training-watch.ts";

/** One for each kill of the control plane, which the training processes' use again, and two for what is cancelled. */
const KILLED = MOMENTS.map((_, at) => `killed-${at}`);
const CANCELLED = ["cancelled-0", "cancelled-1"];
const MODELS = [...KILLED, ...CANCELLED];
const ROWS_EACH = 500;
const MEMORY_BYTES = 256 * 1024 * 1024;
/** Between a moment and what is done then, ms. */
const JITTER_MS = 20;
/** Of five that a job has. */
const ATTEMPTS_SAFE = 3;
const CANCEL_MS = 10_000;
const WAIT_MS = 120_000;
/** Of these a training process works, the others are the control plane's. */
const PROCESS_STAGES: readonly TrainingStage[] = [
  "READING",
  "PREPARING",
  "SEARCHING",
  "TRAINING",
  "EVALUATING",
];
const TOPOLOGY = createTopology("millrace");

const SPEC = {
  model_type: "GRADIENT_BOOSTING",
  parameters: { n_estimators: 100 },
  search: {
    method: "random",
    trials_max: 2,
    space: { learning_rate: { type: "float", low: 0.05, high: 0.3 } },
  },
  data: { source: "labelled", window: "1d" },
  validation: { method: "k_fold", folds: 2 },
  gate: { required: ["limits"], rows_min: 50, class_rows_min: 2 },
  deployment: { strategy: "direct" },
} as const;

describe("training jobs of an engine", { skip: !existsSync("/proc/self/cmdline") }, () => {
  const random = createRandom();
  /** The status that each job must end with. */
  const started = new Map<string, TrainingJob["status"]>();
  let engine: TestEngine;
  let watch: TrainingWatch;
  let load: HttpLoad;

  before(async () => {
    const env = { MILLRACE_TRAINERS: "3", MILLRACE_TRAINING_BYTES_MAX: String(MEMORY_BYTES) };
    engine = await startTestEngine({ env });
    await serveCopies(engine, MODELS);
    await serveAndLabel(engine, MODELS, ROWS_EACH);
    watch = await TrainingWatch.open(engine.natsUrl);
    load = new HttpLoad({ url: () => engine.httpUrl, clients: 1, thinkMs: 50, models: MODELS });
    load.start();
  });
  after(async () => {
    await load?.stop();
    await watch?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  /** As soon as the model has no other job. */
  async function start(model: string, spec: object = SPEC): Promise<string> {
    return eventually(
      `a job of ${model} is taken`,
      async () => {
        const answer = await engine.post("/api/v1/training/start", { model_name: model, ...spec });
        const { job_id } = await jsonOf<{ readonly job_id: string }>(answer);
        assert.equal(answer.status, 202);
        started.set(job_id, "COMPLETED");
        return job_id;
      },
      WAIT_MS,
    );
  }

  async function comesTo(jobId: string, moment: (typeof MOMENTS)[number]): Promise<void> {
    await watch.until(jobId, moment, WAIT_MS);
    await delay(random.between(0, JITTER_MS));
  }

  /** By its document, which is the last to hear of a cancel. */
  async function ended(jobId: string): Promise<TrainingJob> {
    const found = (): TrainingJob | undefined => watch.jobs.get(jobId);
    return eventually(`job ${jobId} has ended`, () => found()?.status !== "RUNNING" && found(), WAIT_MS);
  }

  async function withRegistry<T>(use: (registry: ModelRegistry) => Promise<T>): Promise<T> {
    const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
    try {
      return await use(await openModelRegistry(nats));
    } finally {
      await nats.close();
    }
  }

  it("outlive a control plane that is killed at any moment, and their processes end with it", async (t) => {
    const left: number[] = [];
    const moments = random.shuffled(MOMENTS);
    for (const [at, moment] of moments.entries()) {
      await eventually("no job is near its last attempt", isFarFromLast, WAIT_MS);
      const jobId = await start(KILLED[at] as string);
      await comesTo(jobId, moment);
      const child = trainingPid(engine, jobId);
      if (child !== undefined) left.push(child);
      await killControlPlane();
    }
    t.diagnostic(`TEST_SEED=${random.seed}: killed at ${moments.join(", ")}`);
    await eventually("no process is left", () => !left.some(isRunning), 10_000);
  });

  /** Of jobs that are killed while others are meant to be. */
  function isFarFromLast(): boolean {
    return [...watch.jobs.values()].every(
      ({ status, attempt }) => status !== "RUNNING" || attempt <= ATTEMPTS_SAFE,
    );
  }

  /** Returns once there is another, so that no job goes to a pull of the one that is gone. */
  async function killControlPlane(): Promise<void> {
    const pid = pidOf(engine, "control") as number;
    process.kill(pid, "SIGKILL");
    const isBack = (): boolean => ![undefined, pid].includes(pidOf(engine, "control"));
    await eventually("the control plane is back", isBack, WAIT_MS);
  }

  it("are tried again when their process is killed, and end within seconds when they are cancelled", async (t) => {
    const killed = PROCESS_STAGES.map(async (stage, at) => {
      const jobId = await start(KILLED[at] as string);
      await comesTo(jobId, stage);
      process.kill(
        await eventually(`it is in ${stage}`, () => trainingPid(engine, jobId), WAIT_MS),
        "SIGKILL",
      );
      const { attempt, logs } = await ended(jobId);
      assert.equal(attempt, 2);
      assert.match(logs.map(({ message }) => message).join("\n"), /training process was killed by SIGKILL/);
    });
    const halves = [0, 1].map((half) => STAGES.filter((_, at) => at % 2 === half));
    const cancelled = halves.map(async (stages, at) => {
      const model = CANCELLED[at] as string;
      const endings: Promise<string>[] = [];
      for (const stage of stages) {
        const { ending } = await cancel(model, stage);
        if (random.next() < 0.5) await ending; // else the next one follows at once
        endings.push(ending);
      }
      const last = await ended(await start(model));
      assert.deepEqual([last.status, last.outcome], ["COMPLETED", "deployed"], JSON.stringify(last.error));
      return Promise.all(endings);
    });
    const [took] = await Promise.all([Promise.all(cancelled), Promise.all(killed)]);
    t.diagnostic(`TEST_SEED=${random.seed}: ${took.flat().join(", ")}`);
  });

  /** Resolves once it is called off; what it resolves with, once it has ended. */
  async function cancel(model: string, stage: TrainingStage): Promise<{ readonly ending: Promise<string> }> {
    const jobId = await start(model);
    await comesTo(jobId, stage);
    const { status } = await engine.post(`/api/v1/training/${jobId}/cancel`, {});
    const sinceMs = performance.now();
    const isTooLate = status === 409;
    if (!isTooLate) {
      assert.equal(status, 200);
      started.set(jobId, "CANCELLED");
    }
    const ending = ended(jobId).then(({ stage: last, model_version }) => {
      const tookMs = performance.now() - sinceMs;
      assert.ok(tookMs < CANCEL_MS, `cancelled in ${stage}, it ended after ${tookMs} ms`);
      if (last !== "DEPLOYING") assert.equal(model_version, null);
      return `${stage} ${isTooLate ? "too late" : `${Math.round(tookMs)} ms`}`;
    });
    return { ending };
  }

  it("fail with a remedy when they need more memory than they may", async () => {
    const { search: _, ...plain } = SPEC;
    const network = { model_type: "NEURAL_NETWORK", parameters: { hidden_units: [4096, 4096, 4096] } };
    const jobId = await start(CANCELLED[1] as string, { ...plain, ...network });
    started.set(jobId, "FAILED");
    const { error, attempt } = await ended(jobId);
    assert.deepEqual(
      [attempt, error?.code, error?.details[0]?.field],
      [1, "INVALID_REQUEST", "data.rows_max"],
    );
    assert.match(error?.message ?? "", /needed more than 256 MiB.*MILLRACE_TRAINING_BYTES_MAX/);
    assert.equal((await engine.get("/ready")).status, 200);
  });

  it("bring a version that is never loaded once its files are damaged", async () => {
    const model = CANCELLED[0] as string;
    const { model_version: version } = await ended(
      await start(model, { ...SPEC, deployment: { strategy: "none" } }),
    );
    const before = await withRegistry(async (registry) => registry.stateOf(model));
    await withRegistry(async (registry) => {
      const { files } = await registry.record(model, version as string);
      const nats = await connect({ servers: engine.natsUrl });
      const blobs = await new Objm(nats).open("millrace_artifacts");
      const file = files.find(({ path }) => path.endsWith(".onnx"));
      await blobs.putBlob({ name: file?.sha256 as string }, new Uint8Array(100));
      await nats.close();
    });
    const answer = await engine.post(`/api/v1/models/deploy/${model}@${version}`, { strategy: "direct" });
    assert.equal(answer.status, 200);
    const problem = await eventually(
      "the problem is shown",
      async () => {
        const { models } = await jsonOf<{ models: { name: string; problems?: Record<string, string> }[] }>(
          await engine.get("/models"),
        );
        return models.find(({ name }) => name === model)?.problems?.[version as string];
      },
      WAIT_MS,
    );
    assert.match(problem, /does not match its digest/);
    const { version: served } = await jsonOf<{ version: string }>(
      await engine.get(`/model/info?model=${model}`),
    );
    assert.equal(served, before.aliases["production"]?.version);
  });

  it("have ended once each, in tables, events, versions and audit, and no prediction failed meanwhile", async (t) => {
    await eventually(
      "all jobs have left the queue",
      async () => (await messagesOf(engine.natsUrl, TOPOLOGY.retrainStream)).messages.length === 0,
      WAIT_MS,
    );
    await load.stop();
    assert.deepEqual([load.harmed, load.surprises, load.unanswered.size], [[], [], 0]);
    const jobs = [...watch.jobs.values()];
    for (const { job_id, status, stage } of jobs)
      assert.equal(status, started.get(job_id), `${job_id}, ${stage}`);
    assert.equal(jobs.length, started.size);
    await checkTold(jobs);
    await checkVersions(jobs.filter(({ model_version }) => model_version !== null));
    const attempts = jobs.map(({ attempt }) => attempt);
    t.diagnostic(
      `TEST_SEED=${random.seed}: ${jobs.length} jobs, ${Math.max(...attempts)} attempts at most, ${load.answered.length} predictions`,
    );
  });

  async function checkTold(jobs: readonly TrainingJob[]): Promise<void> {
    const columns = "toString(job_id) AS job_id, status, outcome, model_version, attempt";
    const rows = await engine.sql(`SELECT ${columns} FROM millrace.training_jobs ORDER BY job_id`);
    const expected = jobs.map(({ job_id, status, outcome, model_version, attempt }) => ({
      job_id,
      status,
      outcome: outcome ?? "",
      model_version: model_version ?? "",
      attempt,
    }));
    const byId = (a: { job_id: string }, b: { job_id: string }): number => (a.job_id < b.job_id ? -1 : 1);
    assert.deepEqual((rows as typeof expected).toSorted(byId), expected.toSorted(byId));
    const { messages } = await messagesOf(engine.natsUrl, TOPOLOGY.eventsStream);
    const subject = TOPOLOGY.eventsSubject("model_training_completed");
    const told = messages.filter((one) => one.subject === subject).map(({ body }) => body["job_id"]);
    assert.equal(told.length, started.size);
    assert.deepEqual(new Set(told), new Set(started.keys()));
  }

  /** Each version in the registry is of the one job that says so, and each change of it in the audit log once. */
  async function checkVersions(jobs: readonly TrainingJob[]): Promise<void> {
    const made = await withRegistry(async (registry) => {
      const found: string[] = [];
      for (const model of new Set(jobs.map(({ model_name }) => model_name)))
        for (const version of (await registry.stateOf(model)).versions.filter((one) => one !== "1.0.0")) {
          const text = Buffer.from(await registry.readFile(model, version, "training.json")).toString();
          const { lineage } = JSON.parse(text) as { lineage: { trigger: { job_id: string } } };
          found.push(`${model}@${version} ${lineage.trigger.job_id}`);
        }
      return found;
    });
    const named = jobs.map((job) => `${job.model_name}@${job.model_version} ${job.job_id}`);
    assert.deepEqual(made.toSorted(), named.toSorted());
    const changes = jobs.flatMap(({ model_name, model_version, outcome }) => {
      const actions = outcome === "deployed" ? ["registered", "promoted"] : ["registered"];
      return actions.map((action) => `${model_name}@${model_version} ${action}`);
    });
    const audit = await eventually("all changes are in the audit log", async () => {
      const query = `SELECT concat(model_name, '@', model_version, ' ', action) AS change FROM millrace.audit_log
        WHERE requested_by = 'trainer' ORDER BY change`;
      const rows = (await engine.sql<{ change: string }>(query)).map(({ change }) => change);
      return rows.length >= changes.length && rows;
    });
    assert.deepEqual(audit, changes.sort());
  }
});
