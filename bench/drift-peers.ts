/**
 * Drift of the same two tables by Evidently and NannyML, with their defaults, in a process each. A peer that cannot run is left out, after a line that
 * says so.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../test/support/model-folder.ts";
import { peerPython } from "./venv.ts";

const PEERS = [
  { name: "Evidently", method: "DataDriftPreset", script: "bench/evidently-drift.py" },
  { name: "NannyML", method: "UnivariateDriftCalculator", script: "bench/nannyml-drift.py" },
] as const;
const RUN_MS_MAX = 300_000;

type Columns = ReadonlyMap<string, Float32Array>;

export interface PeerRun {
  readonly name: string;
  readonly method: string;
  readonly seconds: number;
  readonly megabytes: number;
}

export async function runPeers(reference: Columns, current: Columns): Promise<PeerRun[]> {
  const python = await peerPython("drift");
  if (python === undefined) return [];
  const folder = mkdtempSync(join(tmpdir(), "millrace-drift-"));
  try {
    for (const [name, columns] of Object.entries({ reference, current }))
      writeFileSync(
        join(folder, `${name}.f32`),
        Buffer.concat([...columns.values()].map((column) => Buffer.from(column.buffer))),
      );
    return PEERS.flatMap((peer) => runPeer(peer, python, [folder, String(reference.size)]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runPeer(
  { name, method, script }: (typeof PEERS)[number],
  python: string,
  args: readonly string[],
): PeerRun[] {
  const run = spawnSync(python, [join(PROJECT, script), ...args], { encoding: "utf8", timeout: RUN_MS_MAX });
  if (run.status === 0) {
    const measured = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "") as Omit<
      PeerRun,
      "name" | "method"
    >;
    return [{ name, method, ...measured }];
  }
  console.log(`${name} is left out: ${python} cannot run it (BENCH_PYTHON names another Python)`);
  return [];
}
