/** Starts a small server of the benchmarks in a process of its own. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Peer {
  readonly url: string;
  readonly pid: number;
  stop(): void;
}

/** @param script its path relative to bench/, compiled; it prints its URL as its first line. */
export async function startPeer(script: string, args: readonly string[] = []): Promise<Peer> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [...args], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`${script} ended with ${code}`)));
    child.stdout?.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
  return { url, pid: child.pid ?? 0, stop: () => child.kill() };
}
