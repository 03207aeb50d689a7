/** The worker of piscina in the comparison of handover.ts. */
import type { WorkerResult, WorkerTask } from "../workers/messages.ts";
import { TaskRunner } from "../workers/task-runner.ts";

const runner = new TaskRunner();

export async function runTask(task: WorkerTask): Promise<WorkerResult> {
  return runner.run(task);
}
