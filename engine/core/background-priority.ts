/**
 * Makes a process give way to predictions where they share cores: what it does may come a moment later (DECISIONS, "ClickHouse gives way").
 */
import { readFileSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";

/** A tenth of the share of others while all want the core; all of it otherwise. */
const NICE = 10;
/** Fields of /proc/self/stat behind the name: state, parent, group, session. */
const SESSION_FIELD = 3;

/** To be called before threads are started: they inherit it. Where the system refuses, nothing changes. */
export function giveWay(): void {
  try {
    setPriority(NICE);
    // kernels that share cores out by session ignore the first between processes of different ones
    if (isSessionLeader()) writeFileSync("/proc/self/autogroup", String(NICE));
  } catch {
    // another system, or one that does not allow it
  }
}

function isSessionLeader(): boolean {
  const stat = readFileSync("/proc/self/stat", "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[SESSION_FIELD]) === process.pid;
}
