/** CPU time of processes, from /proc: what a request costs, whoever else uses the machine. Linux only. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly cpuMs: number;
}

/** CPU time in ms by role, of an engine process and its children. */
export interface EngineCpu {
  readonly dataPlane: number;
  readonly controlPlane: number;
  readonly clickhouse: number;
  readonly nats: number;
}

export function engineCpu(pid: number): EngineCpu {
  const all = readProcesses();
  const tree = descendants(all, pid);
  const sum = (matches: (process: Process) => boolean): number =>
    tree.filter(matches).reduce((total, process) => total + process.cpuMs, 0);
  return {
    dataPlane: sum((process) => process.pid === pid),
    controlPlane: sum((process) => process.name.includes("--roles control")),
    clickhouse: sum((process) => process.name.includes("clickhouse-child")),
    nats: sum((process) => process.name.includes("nats-server --config") && !process.name.includes("guard")),
  };
}

export function cpuMsOf(pid: number): number {
  return readProcesses().find((process) => process.pid === pid)?.cpuMs ?? 0;
}

function descendants(all: readonly Process[], pid: number): Process[] {
  const own = all.filter((process) => process.pid === pid);
  const children = all.filter((process) => process.parent === pid);
  return [...own, ...children.flatMap((child) => descendants(all, child.pid))];
}

function readProcesses(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [readProcess(Number(name))];
      } catch {
        return []; // ended while we looked
      }
    });
}

function readProcess(pid: number): Process {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const name = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  return { pid, parent: Number(fields[1]), name, cpuMs: (ticks * 1000) / TICKS_PER_SECOND };
}
