/**
 * Fits by external trainers on a real nats-server: what the engine makes of trainers that answer well, badly, late or not at all.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { TrainingTask } from "../../engine/core/training-set.ts";
import { createExternalFit, type ExternalFitParts } from "../../engine/train/external-fit.ts";
import { type FitStore, openFitStore } from "../../storage/fit-store.ts";
import { FitQueue } from "../../streams/fit-queue.ts";
import { createTopology, ensureStreams } from "../../streams/topology.ts";
import { externalTrainers } from "../../workers/train/external/external-trainer.ts";
import { linearTrainer } from "../../workers/train/linear/linear-trainer.ts";
import type { Iteration, TrainedModel, TrainerRun } from "../../workers/train/trainer.ts";
import { eventually } from "../support/eventually.ts";
import { FitTrainer, type HeldFit } from "../support/fit-trainer.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { TASKS, trainingSet } from "../support/training-sets.ts";

const PREFIX = "fits";
const BINARY = TASKS.binary;
const training = trainingSet(BINARY, { rows: 300, seed: 1 });
const validation = trainingSet(BINARY, { rows: 100, seed: 2 });

let server: TestNats;
let nats: NatsConnection;
let manager: JetStreamManager;
let store: FitStore;
let queue: FitQueue;
let trainer: FitTrainer;
before(async () => {
  server = await startTestNats();
  nats = await connect({ servers: server.url });
  const client = jetstream(nats);
  manager = await client.jetstreamManager();
  const topology = createTopology(PREFIX);
  await ensureStreams(manager, topology, 64 * 1024 * 1024);
  queue = new FitQueue({ client, manager, topology, ackWaitMs: 1_000 });
  await queue.ensureConsumers();
  store = await openFitStore(nats, { prefix: PREFIX });
  trainer = await FitTrainer.start(server.url, PREFIX);
});
after(async () => {
  await trainer?.vanish();
  await nats?.close();
  await server?.[Symbol.asyncDispose]();
});

/** The engine's side of a fit; with an error instead of a rejection, which nobody may be waiting for yet. */
function train(
  run: Partial<TrainerRun<unknown>> = {},
  parts: Partial<ExternalFitParts> = {},
): Promise<TrainedModel | Error> {
  const fit = createExternalFit({
    store,
    queue,
    jobId: randomUUID(),
    modelName: "fraud",
    deadline: "2100-01-01T00:00:00.000Z",
    ...parts,
  });
  const found = externalTrainers(fit).get("XGBOOST");
  assert.ok(found);
  const whole = { task: BINARY, training, validation, parameters: { eta: 0.3 }, seed: 5, ...run };
  return found.trainer.train(whole).catch((error: Error) => error);
}

async function linearModel(fit: HeldFit, task: TrainingTask = BINARY): Promise<TrainedModel> {
  const parameters = linearTrainer.parameters.parse({});
  return linearTrainer.train({ task, training: await fit.rows(), parameters, seed: 0 });
}

async function answerWell(fit: HeldFit): Promise<void> {
  await fit.done(await (await linearModel(fit)).export());
}

async function failure(training: Promise<TrainedModel | Error>): Promise<Error & { code?: string }> {
  const found = await training;
  assert.ok(found instanceof Error, "it did not fail");
  return found;
}

async function succeeded(training: Promise<TrainedModel | Error>): Promise<TrainedModel> {
  const found = await training;
  if (found instanceof Error) throw found;
  return found;
}

describe("a fit by an external trainer", () => {
  for (const [kind, task] of Object.entries(TASKS))
    it(`gets its rows whole and gives a model that predicts as the trainer's: ${kind}`, async () => {
      const set = trainingSet(task, { rows: 200, seed: 3 });
      const later = trainingSet(task, { rows: 50, seed: 4 });
      const running = train({ task, training: set, validation: later });
      const fit = await trainer.next();
      assert.deepEqual(await fit.rows(), set);
      assert.deepEqual(await fit.rows("validation"), later);
      assert.deepEqual([fit.task.parameters, fit.task.seed, fit.task.task], [{ eta: 0.3 }, 5, task]);
      const own = await linearModel(fit, task);
      await fit.done(await own.export(), { iterations: 7, importances: [3, 1, 0, 0] });
      const model = await succeeded(running);
      assert.deepEqual([model.iterations, [...(model.importances ?? [])]], [7, [0.75, 0.25, 0, 0]]);
      const expected = await own.predict(later.columns, later.rows);
      const found = await model.predict(later.columns, later.rows);
      assert.equal(found.length, expected.length);
      for (const [at, value] of found.entries())
        assert.ok(Math.abs(value - (expected[at] as number)) <= 1e-5 * Math.max(1, Math.abs(value)));
    });

  it("tells each iteration once, in order, and a loss that is no number as that", async () => {
    const heard: Iteration[] = [];
    const running = train({
      onIteration: (iteration) => {
        heard.push(iteration);
        return "continue";
      },
    });
    const fit = await trainer.next();
    await fit.progress({ validation_losses: [0.6, 0.5] });
    await eventually("two iterations are told", () => heard.length === 2);
    await fit.progress({ validation_losses: [0.6, 0.5, null, 0.4] });
    await answerWell(fit);
    await running;
    assert.deepEqual(
      heard.map(({ iteration, iterationsMax, validationLoss }) => [iteration, iterationsMax, validationLoss]),
      [
        [1, 10, 0.6],
        [2, 10, 0.5],
        [3, 10, Number.NaN],
        [4, 10, 0.4],
      ],
    );
  });

  it("that is told to stop answers with the model as it is", async () => {
    const running = train({ onIteration: ({ iteration }) => (iteration === 2 ? "stop" : "continue") });
    const fit = await trainer.next();
    assert.equal(await fit.wanted(), "model");
    await fit.progress({ validation_losses: [0.6, 0.5] });
    await eventually("it is told to stop", async () => (await fit.wanted()) === "stop");
    await answerWell(fit);
    await succeeded(running);
  });

  it("leaves neither objects nor messages", async () => {
    const running = train();
    const fit = await trainer.next();
    await answerWell(fit);
    await running;
    const objects = await new Objm(nats).open(`${PREFIX}_fits`);
    assert.deepEqual(
      (await objects.list()).filter(({ name, deleted }) => name.startsWith(fit.name) && !deleted),
      [],
    );
    assert.equal(await fit.wanted(), "nothing");
    const { state } = await manager.streams.info("FITS_FITS");
    assert.equal(state.messages, 0);
  });

  it("of a trainer that dies goes to another", async () => {
    const dying = await FitTrainer.start(server.url, PREFIX);
    const running = train();
    await (await dying.next()).progress();
    await dying.vanish();
    const fit = await trainer.next();
    assert.equal(fit.message.info.deliveryCount, 2);
    await answerWell(fit);
    await succeeded(running);
  });

  it("is answered once, whoever is first", async () => {
    const running = train();
    const fit = await trainer.next();
    await fit.fail("the first");
    await assert.rejects(fit.fail("the second"), /wrong last sequence/);
    assert.match((await failure(running)).message, /the first/);
  });

  it("goes on over a restart of the server", async () => {
    const running = train();
    const fit = await trainer.next();
    await fit.progress();
    await server.kill9();
    const sure = async (): Promise<boolean> => {
      // an attempt may have answered in vain for its acknowledgement: the fit is over then, its rows gone, its message comes once more
      if (!(await fit.isAnswered())) await answerWell(fit);
      return true;
    };
    await eventually("the trainer can answer", sure, 15_000);
    await succeeded(running);
  });
});

describe("a fit that goes wrong", () => {
  it("fails with the trainer's words", async () => {
    const running = train();
    await (await trainer.next()).fail("XGBoostError: eta must be positive");
    const error = await failure(running);
    assert.deepEqual(
      [error.code, error.message],
      ["TRAINING_FAILED", "the external trainer of XGBOOST failed: XGBoostError: eta must be positive"],
    );
  });

  it("whose model has another digest is never loaded", async () => {
    const running = train();
    const fit = await trainer.next();
    await fit.done(await (await linearModel(fit)).export(), {}, "0".repeat(64));
    const error = await failure(running);
    assert.equal(error.code, "TRAINING_FAILED");
    assert.match(error.message, /is missing or has another digest/);
  });

  it("whose model was never stored says so", async () => {
    const running = train();
    const fit = await trainer.next();
    const output = { name: "probabilities", type: "probabilities" };
    await fit.answer({ state: "done", sha256: "1".repeat(64), input_tensor: "x", output, iterations: 1 });
    assert.match((await failure(running)).message, /is missing or has another digest/);
  });

  it("whose model cannot be served is refused, with what is wrong", async () => {
    const refused = async (change: (fit: HeldFit) => Promise<void>): Promise<string> => {
      const running = train();
      await change(await trainer.next());
      const error = await failure(running);
      assert.equal(error.code, "TRAINING_FAILED");
      return error.message;
    };
    const exported = async (fit: HeldFit) => (await linearModel(fit)).export();
    assert.match(
      await refused(async (fit) =>
        fit.done({ ...(await exported(fit)), files: new Map([["model.onnx", Buffer.from("rubbish")]]) }),
      ),
      /cannot be served: .*not an ONNX model/,
    );
    assert.match(
      await refused(async (fit) => fit.done({ ...(await exported(fit)), inputTensor: "other" })),
      /cannot be served: .*other/,
    );
    assert.match(
      await refused(async (fit) => {
        const regression = { ...(await fit.rows()), targets: training.targets.map((_, at) => at) };
        const parameters = linearTrainer.parameters.parse({});
        const run = { task: TASKS.regression, training: regression, parameters, seed: 0 };
        const output = { name: "value", type: "probabilities" } as const;
        await fit.done({ ...(await (await linearTrainer.train(run)).export()), output });
      }),
      /cannot be served: /,
    );
    assert.match(
      await refused(async (fit) => fit.done(await exported(fit), { importances: [1] })),
      /1 importances for 4 columns/,
    );
  });

  it("whose trainer breaks the protocol says where", async () => {
    const running = train();
    await (await trainer.next()).answer({ state: "done", sha256: "../x" });
    const error = await failure(running);
    assert.deepEqual(
      [error.code, /answer is wrong at sha256/.test(error.message)],
      ["TRAINING_FAILED", true],
    );
  });

  it("that nobody takes may be tried again, and says how to start a trainer", async () => {
    const error = await failure(train({}, { takenMs: 300 }));
    assert.equal(error.code, "SERVICE_UNAVAILABLE");
    assert.match(error.message, /^model_type: XGBOOST .* start one \(python examples\/python-trainer/);
    const withdrawn = await trainer.take(); // the message is still there, but nothing is wanted
    assert.equal(await withdrawn.wanted(), "nothing");
    await withdrawn.message.ackAck();
  });

  it("waits while trainers are busy with others", async () => {
    const first = train();
    const held = await trainer.next();
    const second = train({}, { takenMs: 300 });
    const others = setInterval(() => held.message.working(), 300);
    const next = await trainer.next();
    clearInterval(others);
    await next.progress();
    await answerWell(next);
    await answerWell(held);
    await succeeded(first);
    await succeeded(second);
  });

  it("whose trainer falls silent may be tried again", async () => {
    const running = train({}, { silentMs: 300 });
    const fit = await trainer.next();
    await fit.progress();
    const error = await failure(running);
    assert.deepEqual([error.code, /said nothing/.test(error.message)], ["WORKER_FAILED", true]);
    assert.equal(await fit.wanted(), "nothing");
    await fit.message.ackAck();
  });

  it("of a job that ends is not wanted any more, whoever worked on it", async () => {
    const jobId = randomUUID();
    const running = train({}, { jobId });
    const fit = await trainer.next();
    await store.withdraw(jobId);
    assert.equal(await fit.wanted(), "nothing");
    await fit.fail("dropped");
    await running;
  });

  it("refuses rows that nothing can be learned from before anybody is asked", async () => {
    const same = { ...training, targets: new Float64Array(training.rows) };
    const error = await failure(train({ training: same }));
    assert.equal(error.code, "INVALID_REQUEST");
  });
});
