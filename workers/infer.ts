// hot path
/** The worker thread: entry point of every lane's thread (lane-thread). One task at a time. */
import { parentPort } from "node:worker_threads";
import type { WorkerTask } from "./messages.ts";
import { TaskRunner } from "./task-runner.ts";

const runner = new TaskRunner();

parentPort?.on("message", (task: WorkerTask) => {
  void runner.run(task).then((result) => parentPort?.postMessage(result));
});
