/**
 * What it costs to hand one row of 30 features to a model of 100 trees and to have its prediction back: through a pool of piscina with one
 * thread, to a lane's thread, and in the own thread. One after the other, an idle moment between. `node dist/bench/handover.js`
 */
import { setImmediate } from "node:timers/promises";
import { Piscina } from "piscina";
import { median } from "simple-statistics";
import { readModelFolder } from "../storage/model-folder.ts";
import { fixture } from "../test/support/model.ts";
import { LaneThread } from "../workers/lane-thread.ts";
import { type PredictTask, toLoadTask, type WorkerTask } from "../workers/messages.ts";
import { TaskRunner } from "../workers/task-runner.ts";
import { round } from "./report.ts";

const TASKS = 3_000;
const TURNS = 5;
const TIMEOUT_MS = 10_000;

type Run = (task: WorkerTask) => Promise<unknown>;

const load = toLoadTask(await readModelFolder(fixture("bench")));
const floats = (count: number): Float32Array<SharedArrayBuffer> =>
  new Float32Array(new SharedArrayBuffer(count * 4));
const task: PredictTask = {
  kind: "predict",
  key: load.key,
  rows: 1,
  inputWidth: 30,
  outputWidth: 2,
  features: floats(30),
  outputs: floats(2),
};
const filename = new URL("./handover-worker.js", import.meta.url).href;
const piscina = new Piscina({
  filename,
  name: "runTask",
  maxThreads: 1,
  minThreads: 1,
  concurrentTasksPerWorker: 1,
  recordTiming: false,
});
const thread = new LaneThread();
const own = new TaskRunner();
const subjects: Readonly<Record<string, Run>> = {
  piscina: async (one) => piscina.run(one),
  "a lane's thread": async (one) => thread.run(one, TIMEOUT_MS),
  "the own thread": async (one) => own.run(one),
};

const figures = new Map(
  Object.keys(subjects).map((name) => [name, { p50: [] as number[], cpu: [] as number[] }]),
);
for (const run of Object.values(subjects)) await run(load);
for (let turn = 0; turn <= TURNS; turn++)
  for (const [name, run] of Object.entries(subjects)) {
    const times: number[] = [];
    const before = process.cpuUsage();
    for (let index = 0; index < TASKS; index++) {
      const startedMs = performance.now();
      await run(task);
      times.push((performance.now() - startedMs) * 1000);
      await setImmediate();
    }
    const { user, system } = process.cpuUsage(before);
    if (turn === 0) continue;
    figures.get(name)?.p50.push(median(times));
    figures.get(name)?.cpu.push((user + system) / TASKS);
  }
for (const [name, { p50, cpu }] of figures)
  console.log(
    `${name}: p50 ${round(median(p50), 1)} µs, CPU of all threads ${round(median(cpu), 1)} µs a task`,
  );
process.exit(0);
