/** Puts a server under load from a process of its own. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { progress } from "../progress.ts";
import type { LoadJob, LoadResult } from "./job.ts";

const CHILD = fileURLToPath(new URL("child.js", import.meta.url));

/** @throws Error when the server cannot be reached. */
export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const load = job.rate === undefined ? "closed loop" : `${Math.round(job.rate)} a second`;
  progress(`${job.subject ?? job.url}, ${job.connections} connections, ${load}`);
  const child = fork(CHILD, [], { execArgv: ["--max-semi-space-size=32"] });
  try {
    return await new Promise<LoadResult>((resolve, reject) => {
      child.once("message", ({ result, error }: { result?: LoadResult; error?: string }) =>
        result === undefined ? reject(new Error(`no load on ${job.url}: ${error}`)) : resolve(result),
      );
      child.once("exit", (code) => reject(new Error(`the load generator ended with ${code}`)));
      child.send(job);
    });
  } finally {
    child.removeAllListeners("exit");
    child.kill();
    progress("");
  }
}
