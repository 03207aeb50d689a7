/**
 * Trains in a process of its own: whatever a job does, the engine lives.
 *
 *     fork ─▶ task ─▶ news … ─▶ result │ failure │ death          signal aborts ─▶ SIGKILL
 *
 * A process and not a thread, because only a process yields the cores to predictions (its priority is the lowest), gives all memory
 * back, and dies alone when there is too little of it. It ends by itself when this one is gone. Bounds: `memoryBytesMax` of resident
 * memory, watched every WATCH_MS; waits by the caller's signal. Its only argument is the job's id, for whoever looks at processes.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { EngineError } from "../core/errors.ts";
import type { OnNews, ProcessMessage, TrainingResult, TrainingTask } from "./training-task.ts";

const WATCH_MS = 500;
const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;
const OUTPUT_LENGTH_MAX = 4_000;
const ENVIRONMENT = ["PATH", "HOME", "TMPDIR", "LANG", "TZ", "LD_LIBRARY_PATH"] as const;

export interface TrainingProcessOptions {
  /** The module to run. */
  readonly module: string;
  readonly memoryBytesMax: number;
}

/**
 * Runs the task to its end, or until `signal` aborts.
 * @throws EngineError of the task; INVALID_REQUEST when it needed too much memory; WORKER_FAILED when the process died; what `signal`
 * aborted with.
 */
export async function trainInProcess(
  { module, memoryBytesMax }: TrainingProcessOptions,
  task: TrainingTask,
  onNews: OnNews,
  signal: AbortSignal,
): Promise<TrainingResult> {
  signal.throwIfAborted();
  const child = fork(module, [task.request.job_id], {
    serialization: "advanced",
    env: environmentOf(process.env),
    execArgv: [`--max-old-space-size=${Math.floor(memoryBytesMax / MIB)}`],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const heardOut = once(child, "disconnect"); // after its last message, which may come after its exit is known
  let output = "";
  child.stderr?.on("data", (text: Buffer) => {
    output = (output + text.toString("utf8")).slice(-OUTPUT_LENGTH_MAX);
  });
  let last: Extract<ProcessMessage, { kind: "result" | "failure" }> | undefined;
  child.on("message", (message: ProcessMessage) => {
    if (message.kind === "result" || message.kind === "failure") last = message;
    else onNews(message);
  });
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  const watch = watchMemory(child.pid, memoryBytesMax, kill);
  try {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    child.send(task, (error) => void (error === null || kill()));
    const [[code, killedBy]] = await Promise.all([exited, heardOut]);
    signal.throwIfAborted();
    if (last?.kind === "result") return last.result;
    if (last?.kind === "failure") throw new EngineError(last.code, last.message, { details: last.details });
    if (watch.isExceeded() || isOutOfHeap(output)) throw tooLittleMemory(memoryBytesMax);
    const how = killedBy === null ? `ended with code ${code}` : `was killed by ${killedBy}`;
    throw new EngineError("WORKER_FAILED", `the training process ${how}: ${output.trim().slice(-500)}`);
  } finally {
    watch.stop();
    signal.removeEventListener("abort", kill);
    kill();
  }
}

/** What programs need to run; the engine's settings, secrets among them, are not for a process that runs trained and imported models. */
function environmentOf(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    ENVIRONMENT.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
}

interface MemoryWatch {
  isExceeded(): boolean;
  stop(): void;
}

/** Where the system does not tell the resident memory of another process, only the heap is bounded. */
function watchMemory(pid: number | undefined, bytesMax: number, kill: () => void): MemoryWatch {
  let isExceeded = false;
  const look = async (): Promise<void> => {
    const text = await readFile(`/proc/${pid}/statm`, "latin1").catch(() => "");
    const resident = Number(text.split(" ")[1] ?? 0) * PAGE_BYTES;
    if (resident <= bytesMax) return;
    isExceeded = true;
    kill();
  };
  const timer = setInterval(() => void look(), WATCH_MS);
  return { isExceeded: () => isExceeded, stop: () => clearInterval(timer) };
}

function isOutOfHeap(output: string): boolean {
  return output.includes("heap out of memory") || output.includes("Array buffer allocation failed");
}

function tooLittleMemory(bytesMax: number): EngineError {
  const message =
    `training needed more than ${Math.floor(bytesMax / MIB)} MiB: set data.rows_max lower, use fewer features, ` +
    "or set MILLRACE_TRAINING_BYTES_MAX higher";
  return new EngineError("INVALID_REQUEST", message, { details: [{ field: "data.rows_max", message }] });
}
