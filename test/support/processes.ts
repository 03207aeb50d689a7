/**
 * The processes behind a test engine, found through their pid files and /proc, and how much they hold.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readOwner } from "../../engine/embedded/owner-file.ts";
import type { TestEngine } from "./engine.ts";

export const TARGETS = ["engine", "nats", "clickhouse", "control"] as const;
export type Target = (typeof TARGETS)[number];

/** Pid of one process of the engine, or undefined while it is down. */
export function pidOf(engine: TestEngine, target: Target): number | undefined {
  switch (target) {
    case "engine":
      return engine.pid;
    case "nats":
      return readOwner(join(engine.dataDir, "nats", "millrace.pid"))?.child?.pid;
    case "clickhouse":
      return readOwner(join(engine.dataDir, "clickhouse.pid"))?.child?.pid;
    case "control":
      return childrenOf(engine.pid).find((pid) => commandOf(pid).includes("--roles\0control"));
  }
}

/** The process that trains this job, or undefined while there is none. */
export function trainingPid(engine: TestEngine, jobId: string): number | undefined {
  const control = pidOf(engine, "control");
  if (control === undefined) return undefined;
  return childrenOf(control).find((pid) => commandOf(pid).includes(jobId));
}

/** Whether there is such a process that has not ended. */
export function isRunning(pid: number): boolean {
  const state = /^State:\s+(\w)/m.exec(procFile(pid, "status"))?.[1];
  return state !== undefined && state !== "Z";
}

/** Resident memory, bytes; 0 when the process is gone. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(procFile(pid, "status"))?.[1];
  return Number(kib ?? 0) * 1024;
}

/** File descriptors that the process holds. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function childrenOf(pid: number): number[] {
  return procFile(pid, `task/${pid}/children`).split(" ").filter(Boolean).map(Number);
}

function commandOf(pid: number): string {
  return procFile(pid, "cmdline");
}

function procFile(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
