/**
 * The pid file of a data folder: which processes hold it, so that two servers never write the same files.
 *
 * A process is told by its pid and its start time (from /proc where there is one), so a pid that was given to
 * somebody else, or a zombie, is never taken for the owner. A claim is atomic (a hard link either appears or
 * not). A server whose guard is gone has nobody to stop it: whoever wants the folder next gives it a while to end
 * and then kills it. Bound: a claim waits `waitMs` for a live owner, then fails and says who it is.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../core/errors.ts";

/** How long a start waits for the owner before it to be gone. */
export const OWNER_WAIT_MS = 10_000;
const OWNER_POLL_MS = 20;
/** How long a server without its guard may take to end by itself. */
const ORPHAN_GRACE_MS = 3_000;

/** One process, told apart from a later one of the same pid. */
export interface ProcessMark {
  readonly pid: number;
  /** Start time in clock ticks since boot; absent where there is no /proc. */
  readonly started?: string;
}

export interface FolderOwner {
  readonly guard: ProcessMark;
  /** The server itself; absent while it is being started. */
  readonly child?: ProcessMark;
}

export function markOf(pid: number): ProcessMark {
  const stat = readStat(pid);
  return stat === undefined ? { pid } : { pid, started: stat.started };
}

export function isAlive(mark: ProcessMark): boolean {
  try {
    process.kill(mark.pid, 0);
  } catch (error) {
    // EPERM: alive, of another user
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  const stat = readStat(mark.pid);
  if (stat === undefined) return true;
  if (stat.state === "Z" || stat.state === "X") return false;
  return mark.started === undefined || mark.started === stat.started;
}

/** SIGKILLs exactly this process; nothing happens when it is gone already. */
export function killMarked(mark: ProcessMark): void {
  if (!isAlive(mark)) return;
  try {
    process.kill(mark.pid, "SIGKILL");
  } catch {
    // gone in between
  }
}

/**
 * Waits until nobody holds the folder.
 * @throws EngineError CONFLICT naming the process that holds it and the remedy.
 */
export async function waitForOwner(file: string, waitMs = OWNER_WAIT_MS): Promise<void> {
  const startedAtMs = performance.now();
  for (;;) {
    const owner = readOwner(file);
    if (owner === undefined || !holds(owner)) return;
    const waitedMs = performance.now() - startedAtMs;
    if (waitedMs >= waitMs) throw heldBy(owner, file, waitMs);
    if (waitedMs >= ORPHAN_GRACE_MS && owner.child !== undefined && !isAlive(owner.guard))
      killMarked(owner.child);
    await sleep(OWNER_POLL_MS);
  }
}

/** Makes `owner` the owner of the folder, after waiting for the one before as waitForOwner does. */
export async function claimOwner(file: string, owner: FolderOwner, waitMs = OWNER_WAIT_MS): Promise<void> {
  const deadline = performance.now() + waitMs;
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify(owner), { mode: 0o600 });
  try {
    while (!tryLink(mine, file)) {
      await waitForOwner(file, Math.max(0, deadline - performance.now()));
      removeStale(file);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Replaces the record of an owner that holds the folder already, for example once its server has a pid. */
export function updateOwner(file: string, owner: FolderOwner): void {
  const next = `${file}.${process.pid}`;
  writeFileSync(next, JSON.stringify(owner), { mode: 0o600 });
  renameSync(next, file);
}

/** Gives the folder up, if the guard of this pid still holds it. */
export function releaseOwner(file: string, guardPid: number): void {
  if (readOwner(file)?.guard.pid === guardPid) rmSync(file, { force: true });
}

export function readOwner(file: string): FolderOwner | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isOwner(owner) ? owner : undefined;
  } catch {
    return undefined; // none, or not ours: no process can be behind it
  }
}

function isOwner(value: unknown): value is FolderOwner {
  if (typeof value !== "object" || value === null || !("guard" in value)) return false;
  return isMark(value.guard) && (!("child" in value) || isMark(value.child));
}

function isMark(value: unknown): value is ProcessMark {
  return typeof value === "object" && value !== null && "pid" in value && Number.isSafeInteger(value.pid);
}

function holds(owner: FolderOwner): boolean {
  return isAlive(owner.guard) || (owner.child !== undefined && isAlive(owner.child));
}

function tryLink(mine: string, file: string): boolean {
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Moves the record aside before it is removed: two starters that both found it stale must not remove a fresh one. */
function removeStale(file: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // another starter was faster
  }
  const owner = readOwner(aside);
  if (owner !== undefined && holds(owner)) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function heldBy(owner: FolderOwner, file: string, waitMs: number): EngineError {
  const pids =
    owner.child === undefined ? `${owner.guard.pid}` : `${owner.child.pid} (guarded by ${owner.guard.pid})`;
  return new EngineError(
    "CONFLICT",
    `${dirname(file)} is in use by process ${pids}, which did not end within ${Math.round(waitMs / 1000)} s: ` +
      "another engine runs on this data directory. Stop that engine, or set MILLRACE_DATA_DIR to another folder.",
  );
}

/** Fields 3 (state) and 22 (start time) of /proc/<pid>/stat; the name before them may hold spaces and brackets. */
function readStat(pid: number): { readonly state: string; readonly started: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", started: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}
