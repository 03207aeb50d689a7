/**
 * Ten thousand clients that go away in the middle leave nothing behind: no memory, no descriptor, no row in the queue.
 *
 * Each is a socket by hand. Most are destroyed (the engine sees a reset or an end), some are closed on one side only,
 * and some stay open and silent, whom the engine itself must turn out.
 */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { HttpLoad } from "../support/http-load.ts";
import { openFiles, residentBytes } from "../support/processes.ts";
import { createRandom } from "../support/random.ts";

const ABORTS = 10_000;
const WARM_ABORTS = 3_000;
const SILENT_CLIENTS = 200;
const AT_ONCE = 40;
const MIB = 1024 * 1024;
const GROWTH_BYTES_MAX = 24 * MIB;
/** Log files, timers' descriptors and connections to the services may come and go. */
const FILES_MORE_MAX = 5;
/** The engine's own patience with a silent connection, and time for its sweep. */
const SILENT_MS = 30_000;
const BODY = JSON.stringify({ features: PAYMENT });
const HEAD = `POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${BODY.length}\r\n\r\n`;

/** What a client sends before it goes, and how it goes. */
const WAYS = {
  "mid-headers": (socket: Socket, done: () => void) =>
    socket.write(HEAD.slice(0, 30), () => gone(socket, done)),
  "mid-body": (socket: Socket, done: () => void) =>
    socket.write(HEAD + BODY.slice(0, 20), () => gone(socket, done)),
  "right after sending": (socket: Socket, done: () => void) =>
    socket.write(HEAD + BODY, () => gone(socket, done)),
  "before the answer is read": (socket: Socket, done: () => void) => {
    socket.pause();
    socket.write((HEAD + BODY).repeat(5), () => setImmediate(() => gone(socket, done)));
  },
  "half-closed": (socket: Socket, done: () => void) => {
    socket.once("close", done);
    socket.resume();
    socket.end(HEAD + BODY.slice(0, 20));
  },
} as const;
type Way = keyof typeof WAYS;

function gone(socket: Socket, done: () => void): void {
  socket.once("close", done);
  socket.resetAndDestroy();
}

test("ten thousand aborted requests leave neither memory nor descriptors nor rows behind", async (t) => {
  const random = createRandom();
  await using engine = await startTestEngine();
  const pid = engine.pid;
  await using load = new HttpLoad({ url: () => engine.httpUrl, clients: 2, thinkMs: 2 });
  load.start();
  await abortMany(engine, WARM_ABORTS, random.next);
  await settled(engine);
  const before = { bytes: residentBytes(pid), files: openFiles(pid) };
  const startedMs = performance.now();
  const byWay = await abortMany(engine, ABORTS, random.next);
  const seconds = (performance.now() - startedMs) / 1000;
  await load.stop();
  await settled(engine);
  const after = { bytes: residentBytes(pid), files: openFiles(pid) };
  const aborted = Number(/^engine_http_aborts_total (\d+)/m.exec(await metricsOf(engine))?.[1]);
  const ways = [...byWay].map(([way, count]) => `${count} ${way}`).join(", ");
  t.diagnostic(
    `${ABORTS} aborts in ${seconds.toFixed(1)} s (${ways}); the engine counts ${aborted}, ${WARM_ABORTS} for warming among them`,
  );
  t.diagnostic(
    `memory ${mib(before.bytes)} → ${mib(after.bytes)} MiB, descriptors ${before.files} → ${after.files}; ` +
      `${load.answered.length} answers to clients that stayed`,
  );
  assert.deepEqual([...load.unanswered, ...load.surprises], [], "clients that stayed were all answered");
  assert.ok(aborted > 0, "the engine noticed");
  assert.ok(after.bytes - before.bytes < GROWTH_BYTES_MAX, "memory grew");
  assert.ok(after.files <= before.files + FILES_MORE_MAX, "descriptors are left");
  assert.equal((await engine.post("/predict", BODY)).status, 200);
});

test("clients that stay open and silent are turned out", async (t) => {
  await using engine = await startTestEngine();
  const before = openFiles(engine.pid);
  const startedMs = performance.now();
  const ends = Array.from({ length: SILENT_CLIENTS }, async (_, index) => {
    const socket = await open(engine);
    const ended = new Promise<void>((resolve) => socket.once("end", resolve).once("close", () => resolve()));
    socket.resume();
    if (index % 3 === 1) socket.write(HEAD.slice(0, 30));
    if (index % 3 === 2) socket.write(HEAD + BODY.slice(0, 20));
    await ended;
    socket.destroy();
  });
  let turnedOut = 0;
  for (const end of ends) void end.then(() => turnedOut++);
  await eventually("all silent clients are turned out", () => turnedOut === SILENT_CLIENTS, SILENT_MS);
  t.diagnostic(
    `${turnedOut} silent clients turned out in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
  );
  await eventually("their descriptors are closed", () => openFiles(engine.pid) <= before + FILES_MORE_MAX);
  assert.equal((await engine.post("/predict", BODY)).status, 200);
});

/** Aborts so many requests, AT_ONCE at a time; counts them by way. */
async function abortMany(engine: TestEngine, count: number, random: () => number): Promise<Map<Way, number>> {
  const byWay = new Map<Way, number>();
  const names = Object.keys(WAYS) as Way[];
  let left = count;
  const clients = Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) {
      const way = names[Math.floor(random() * names.length)] as Way;
      const socket = await open(engine);
      await new Promise<void>((done) => WAYS[way](socket, done));
      byWay.set(way, (byWay.get(way) ?? 0) + 1);
    }
  });
  await Promise.all(clients);
  return byWay;
}

function open(engine: TestEngine): Promise<Socket> {
  const { hostname, port } = new URL(engine.httpUrl);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => undefined);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** No row of an aborted request is left in the engine. */
async function settled(engine: TestEngine): Promise<void> {
  await eventually(
    "the queue is empty",
    async () => /^engine_queue_rows 0$/m.test(await metricsOf(engine)),
    20_000,
  );
}

async function metricsOf(engine: TestEngine): Promise<string> {
  return (await engine.get("/metrics")).text();
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
