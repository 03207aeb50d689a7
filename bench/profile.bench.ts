/**
 * Where the time of a request goes. At 64 connections and at one, a closed loop without the profiler, for the engine's own histograms, and
 * then one with it, for the calls of all threads of the data plane.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestEngine } from "../test/support/engine.ts";
import { eventually } from "../test/support/eventually.ts";
import { createTempFolder } from "../test/support/temp-folder.ts";
import { engineCpu } from "./cpu.ts";
import { type Frame, type ThreadProfile, toFrames } from "./cpu-profile.ts";
import { runLoad } from "./load/run-load.ts";
import { HISTOGRAMS, type Measured, type ProfiledLoad, profileReport } from "./profile-report.ts";
import type { Report } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";
import { observedSince, readHistogram } from "./stage-times.ts";

const WARM_UP_SECONDS = 2;
const PRELOAD = new URL("profile-preload.js", import.meta.url).href;

export async function benchProfile(seconds: number): Promise<Report> {
  await using folder = await createTempFolder("millrace-profile-");
  await using engine = await startBenchEngine({
    MILLRACE_LOG_ACK: "before-response",
    NODE_OPTIONS: `--import=${PRELOAD}`,
    BENCH_PROFILE_FOLDER: folder.path,
  });
  const url = `${engine.httpUrl}/predict`;
  const bodies = [await requestBody()];
  await runLoad({ url, bodies, connections: 64, seconds: WARM_UP_SECONDS });
  let runs = 0;
  const measure = async (connections: number): Promise<ProfiledLoad> => {
    const load = { url, bodies, connections, seconds };
    const before = await readStages(engine);
    const cpuBefore = engineCpu(engine.pid).dataPlane;
    const plain = await runLoad(load);
    const cpuUs = ((engineCpu(engine.pid).dataPlane - cpuBefore) * 1000) / plain.latency.count;
    const stages = since(before, await readStages(engine));
    process.kill(engine.pid, "SIGUSR2");
    const profiled = await runLoad(load);
    process.kill(engine.pid, "SIGUSR2");
    const threads = await readThreads(engine, join(folder.path, `${++runs}.json`), bodies[0] as string);
    return { connections, plain, stages, cpuUs, profiled, threads };
  };
  return profileReport(await measure(64), await measure(1));
}

async function readStages(engine: TestEngine): Promise<Measured> {
  const text = await (await engine.get("/metrics")).text();
  const all = HISTOGRAMS.map((name) => [name, readHistogram(text, `engine_${name}_seconds`)] as const);
  return Object.fromEntries(all) as Measured;
}

function since(before: Measured, after: Measured): Measured {
  const all = HISTOGRAMS.map((name) => [name, observedSince(before[name], after[name])] as const);
  return Object.fromEntries(all) as Measured;
}

/** Asks until all threads have sent their profile: one that waits for a task takes nothing else. */
async function readThreads(engine: TestEngine, file: string, body: string): Promise<Frame[]> {
  await eventually("the profile is written", async () => {
    await engine.post("/predict", body);
    return existsSync(file);
  });
  const threads = JSON.parse(readFileSync(file, "utf8")) as ThreadProfile[];
  return threads.sort((a, b) => a.threadId - b.threadId).map(({ profile }) => toFrames(profile));
}
