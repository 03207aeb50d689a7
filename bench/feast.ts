/** Feast's online feature server over a Redis, with the values that stand there as the hashes bench:e0, bench:e1, … */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../engine/core/errors.ts";
import { eventually } from "../test/support/eventually.ts";
import { freePort } from "../test/support/fixed-ports.ts";
import { PROJECT } from "../test/support/model-folder.ts";
import { venvPython } from "./venv.ts";

const READY_MS_MAX = 120_000;
export const FEAST_PATH = "/get-online-features";

export interface Feast {
  readonly url: string;
  stop(): Promise<void>;
}

/** Undefined, after a line that says why, where it cannot be had. @param redis `host:port` */
export async function startFeast(
  redis: string,
  entities: number,
  fields: number,
): Promise<Feast | undefined> {
  const python = await venvPython("feast");
  if (python === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "millrace-feast-"));
  const port = await freePort();
  const script = join(PROJECT, "bench/peers/feast/serve.py");
  const args = [script, folder, redis, port, entities, fields].map(String);
  const child = spawn(python, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, HOME: folder },
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4000);
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await eventually("Feast answers", async () => child.exitCode !== null || isReady(url), READY_MS_MAX);
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${stderr}`);
  } catch (error) {
    await stop();
    console.log(`Feast is left out: ${messageOf(error)}`);
    return undefined;
  }
  return { url, stop };
}

export function feastRequest(index: number): string {
  return JSON.stringify({ feature_service: "wide_service", entities: { wide_id: [`e${index}`] } });
}

/** The features' values of one entity, by name. */
export function feastValues(answer: string): ReadonlyMap<string, unknown> {
  const { results, metadata } = JSON.parse(answer) as {
    results: { values: unknown[] }[];
    metadata: { feature_names: string[] };
  };
  return new Map(metadata.feature_names.map((name, index) => [name, results[index]?.values[0]]));
}

async function isReady(url: string): Promise<boolean> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}${FEAST_PATH}`, { method: "POST", headers, body: feastRequest(0) });
  return response.ok;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
