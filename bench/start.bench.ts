/** From `npm start`, installed and built, to ready; each time with an empty data folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { median } from "simple-statistics";
import { eventually } from "../test/support/eventually.ts";
import { PROJECT } from "../test/support/model-folder.ts";
import { createTempFolder } from "../test/support/temp-folder.ts";
import { type Report, round } from "./report.ts";

const STARTS = 5;
const READY_MS_MAX = 60_000;

export async function benchStart(): Promise<Report> {
  const seconds: number[] = [];
  for (let start = 0; start < STARTS; start++) seconds.push(await startOnce());
  return {
    title: "Start with an empty data folder",
    rows: seconds.map((value, index) => ({ start: index + 1, "s to ready": round(value) })),
    ratios: { "npm start to ready, s (goal ≤ 3)": round(median(seconds)) },
  };
}

async function startOnce(): Promise<number> {
  await using folder = await createTempFolder("millrace-start-");
  const ports = ["HTTP", "GRPC", "NATS", "CLICKHOUSE", "REDIS"].map((name) => [`MILLRACE_${name}_PORT`, "0"]);
  const env = { ...process.env, ...Object.fromEntries(ports), MILLRACE_DATA_DIR: folder.path };
  const startedMs = performance.now();
  const child = spawn("npm", ["start"], {
    cwd: PROJECT,
    env,
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
  });
  try {
    await eventually("it is ready", () => printed.includes("Millrace is ready"), READY_MS_MAX);
    return (performance.now() - startedMs) / 1000;
  } finally {
    await stop(child);
  }
}

/** npm hands no signal on, so the whole group that was started gets it. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const ended = once(child, "exit");
  process.kill(-child.pid, "SIGTERM");
  await ended;
}
