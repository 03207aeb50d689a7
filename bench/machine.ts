/** What a figure was measured on: stands on top of every report. */
import { execFileSync } from "node:child_process";
import { cpus, totalmem } from "node:os";

export function machineStamp(): string {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, ${gib} GiB, Node ${process.versions.node}, ${commit()}, ${new Date().toISOString()}`;
}

function commit(): string {
  try {
    return `commit ${execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim()}`;
  } catch {
    return "no commit";
  }
}
