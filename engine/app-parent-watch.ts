/**
 * Ends this process when the one that started it is gone, also while it computes: a thread looks every WATCH_MS, since the main thread may
 * hear of nothing for minutes.
 */
import { fileURLToPath } from "node:url";
import { isMainThread, Worker, workerData } from "node:worker_threads";

const WATCH_MS = 500;

/** The thread keeps the process from nothing. */
export function endWithParent(): void {
  new Worker(fileURLToPath(import.meta.url), { workerData: process.ppid }).unref();
}

function watch(parent: number): void {
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
  }, WATCH_MS);
}

if (!isMainThread) watch(workerData as number);
