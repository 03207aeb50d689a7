/**
 * Supervision itself, on children made for it: back-off, deadline, grace, and stop() at awkward moments.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pino } from "pino";
import { EngineError } from "../../engine/core/errors.ts";
import { type ChildState, type StartedChild, superviseChild } from "../../engine/embedded/child.ts";
import { startNatsServer } from "../../engine/embedded/nats-server.ts";
import { eventually } from "../support/eventually.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const logger = pino({ level: "silent" });

/** A child that runs `script` and is ready once it has printed "ready". */
function scripted(script: string): StartedChild {
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "pipe"] });
  return {
    process: child,
    ready: (signal) =>
      new Promise((resolve, reject) => {
        child.stdout.on("data", (text) => String(text).includes("ready") && resolve());
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
    servicePid: () => child.pid,
    refusal: () => undefined,
  };
}

const SERVE = 'console.log("ready"); setInterval(() => {}, 1000);';

test("a child that keeps dying is started again with growing pauses, until stop()", async () => {
  const starts: number[] = [];
  const states: ChildState[] = [];
  const child = await superviseChild({
    name: "dying",
    logger,
    onState: (state) => states.push(state),
    start: () => {
      starts.push(performance.now());
      return scripted(
        starts.length === 1
          ? 'console.log("ready"); setTimeout(() => process.exit(1), 50);'
          : "process.exit(1)",
      );
    },
  });
  await eventually("five starts", () => starts.length >= 5, 10_000);
  await child.stop();
  const count = starts.length;
  const gaps = starts.slice(1, 5).map((at, i) => at - (starts[i] ?? 0));
  assert.ok((gaps[3] ?? 0) > (gaps[1] ?? 0) + 300, `pauses grow: ${gaps.join(", ")}`);
  assert.deepEqual(states.slice(0, 4), ["ready", "down", "starting", "down"]);
  assert.equal(child.state, "down");
  assert.equal(starts.length, count);
});

test("a child that is never ready is killed at the deadline", async () => {
  let pid: number | undefined;
  await assert.rejects(
    superviseChild({
      name: "mute",
      logger,
      readyTimeoutMs: 300,
      start: () => {
        const child = scripted('console.error("thinking"); setInterval(() => {}, 1000);');
        pid = child.servicePid();
        return child;
      },
    }),
    (error) => error instanceof EngineError && /was not ready within 0\.3 s/.test(error.message),
  );
  assert.throws(() => process.kill(pid ?? 0, 0), /ESRCH/);
});

test("a child that ignores SIGTERM is killed after the grace", async () => {
  const child = await superviseChild({
    name: "stubborn",
    logger,
    stopGraceMs: 200,
    start: () => scripted(`process.on("SIGTERM", () => {}); ${SERVE}`),
  });
  const pid = child.pid();
  await child.stop();
  assert.throws(() => process.kill(pid ?? 0, 0), /ESRCH/);
});

test("stop() while a child comes back leaves nothing running", async () => {
  const pids: (number | undefined)[] = [];
  const child = await superviseChild({
    name: "late",
    logger,
    start: () => {
      const started = scripted(pids.length === 0 ? SERVE : "setInterval(() => {}, 1000);");
      pids.push(started.servicePid());
      return started;
    },
  });
  process.kill(pids[0] ?? 0, "SIGKILL");
  await eventually("the second start", () => pids.length === 2);
  await Promise.all([child.stop(), child.stop()]);
  for (const pid of pids) assert.throws(() => process.kill(pid ?? 0, 0), /ESRCH/);
});

test("a program that does not exist is an error, not a crash", async () => {
  const start = () => ({
    ...scripted(""),
    process: spawn("/nowhere/at/all", { stdio: ["ignore", "pipe", "pipe"] }),
  });
  await assert.rejects(superviseChild({ name: "nothing", logger, start }), /could not be started: .*ENOENT/);
});

test("a terminal's Ctrl-C does not reach the servers", { skip: process.platform !== "linux" }, async () => {
  await using folder = await createTempFolder();
  const service = await startNatsServer({ dataDir: folder.path, port: 0, logger });
  const group = (pid: number) => readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ")[2];
  assert.notEqual(group(service.pid() ?? 0), group(process.pid));
  await service.stop();
});
