/**
 * Loaded into an engine's process before the engine (`NODE_OPTIONS=--import=…`), in each of its threads: SIGUSR2 begins a CPU profile of all
 * threads, the next SIGUSR2 ends it. The main thread gathers what the others send and writes one file, `<BENCH_PROFILE_FOLDER>/<number>.json`.
 *
 * A thread that blocks takes part once it has a task; one that never had one is left out.
 */
import { renameSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import { BroadcastChannel, isMainThread, threadId } from "node:worker_threads";
import type { CpuProfile, ThreadProfile } from "./cpu-profile.ts";

const INTERVAL_US = 500;
/** Of a profile that runs all the time and is never read: V8 cannot tell code that it optimized while there was none. */
const WATCH_INTERVAL_US = 10_000_000;

type Message = "start" | "stop" | { readonly started: number } | ThreadProfile;

const folder = process.env["BENCH_PROFILE_FOLDER"];
const channel = new BroadcastChannel("bench-profile");
channel.unref();
let session: Session | undefined;
let started = new Set<number>();
let profiles: ThreadProfile[] = [];
let runs = 0;

channel.addEventListener("message", (event) => void take((event as unknown as { data: Message }).data));
void openProfile(WATCH_INTERVAL_US);
if (isMainThread && folder !== undefined)
  process.on("SIGUSR2", () => void toggle(session === undefined ? "start" : "stop"));

async function toggle(what: "start" | "stop"): Promise<void> {
  channel.postMessage(what);
  await take(what);
}

async function take(message: Message): Promise<void> {
  if (message === "start") tell({ started: await start() });
  else if (message === "stop") await stop();
  else if (isMainThread) gather(message);
}

function tell(message: Message): void {
  if (isMainThread) gather(message as ThreadProfile);
  else channel.postMessage(message);
}

async function start(): Promise<number> {
  session = await openProfile(INTERVAL_US);
  return threadId;
}

async function openProfile(interval: number): Promise<Session> {
  const opened = new Session();
  opened.connect();
  await opened.post("Profiler.enable");
  await opened.post("Profiler.setSamplingInterval", { interval });
  await opened.post("Profiler.start");
  return opened;
}

async function stop(): Promise<void> {
  const ending = session;
  session = undefined;
  if (ending === undefined) return;
  const { profile } = await ending.post("Profiler.stop");
  ending.disconnect();
  tell({ threadId, profile: profile as CpuProfile });
}

function gather(message: { readonly started: number } | ThreadProfile): void {
  if ("started" in message) started.add(message.started);
  else profiles.push(message);
  if (profiles.length === 0 || profiles.length < started.size) return;
  const file = join(folder as string, `${++runs}.json`);
  writeFileSync(`${file}.part`, JSON.stringify(profiles));
  renameSync(`${file}.part`, file); // whoever waits for it sees it whole
  started = new Set();
  profiles = [];
}
