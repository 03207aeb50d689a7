/** The lease on a real nats-server: one works at a time, whatever becomes of who holds it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { pino } from "pino";
import { runWithLease } from "../../storage/lease.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const LEASE_MS = 800;
const logger = pino({ level: "silent" });

/** How many work now, by prefix, and the most that ever did. */
const atWork = new Map<string, number>();
let mostAtWork = 0;

/** Somebody who wants the lease. */
class Worker {
  readonly stopping = new AbortController();
  isWorking = false;
  turns = 0;
  readonly running: Promise<void>;

  readonly #prefix: string;

  constructor(connection: NatsConnection, prefix: string) {
    this.#prefix = prefix;
    const options = { connection, prefix, name: "control", logger, leaseMs: LEASE_MS };
    this.running = runWithLease(options, async (signal) => this.#work(signal), this.stopping.signal);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  async #work(signal: AbortSignal): Promise<void> {
    this.isWorking = true;
    this.turns++;
    this.#count(1);
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    this.isWorking = false;
    this.#count(-1);
  }

  #count(change: number): void {
    const count = (atWork.get(this.#prefix) ?? 0) + change;
    atWork.set(this.#prefix, count);
    mostAtWork = Math.max(mostAtWork, count);
  }
}

describe("a lease", () => {
  let nats: TestNats;
  const connections: NatsConnection[] = [];
  before(async () => {
    nats = await startTestNats();
  });
  after(async () => {
    for (const connection of connections) await connection.close();
    await nats[Symbol.asyncDispose]();
    assert.equal(mostAtWork, 1, "two worked at once");
  });
  const open = async (): Promise<NatsConnection> => {
    const connection = await connect({ servers: nats.url, reconnect: false });
    connections.push(connection);
    return connection;
  };

  it("lets one work at a time, and the next as soon as it is given back", async () => {
    const workers = [new Worker(await open(), "turns"), new Worker(await open(), "turns")];
    const [first] = [await eventually("one works", () => workers.find(({ isWorking }) => isWorking))];
    const other = workers.find((worker) => worker !== first);
    const untilMs = performance.now() + 3 * LEASE_MS;
    await eventually("the lease has been renewed for a while", () => performance.now() > untilMs);
    await first?.stop();
    await eventually("the other works", () => other?.isWorking);
    assert.deepEqual([first?.turns, other?.turns], [1, 1]);
    await other?.stop();
  });

  it("passes on when its holder is heard of no more, and never before that one has given up", async () => {
    const connection = await open();
    const first = new Worker(connection, "silence");
    await eventually("the first works", () => first.isWorking);
    const second = new Worker(await open(), "silence");
    await connection.close();
    await eventually("the second works", () => second.isWorking);
    assert.equal(first.isWorking, false);
    await second.stop();
    first.stopping.abort();
  });

  it("is taken at once from a process of this host that is gone", async () => {
    const connection = await open();
    const kv = await new Kvm(jetstream(connection)).create("gone_leases");
    const { hostname } = await import("node:os");
    await kv.put("control", JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1, startedMs: 0, id: "x" }));
    const startedMs = performance.now();
    const worker = new Worker(connection, "gone");
    await eventually("it works", () => worker.isWorking);
    assert.ok(performance.now() - startedMs < LEASE_MS);
    await worker.stop();
  });

  it("is lost to who takes it, and the work ends", async () => {
    const connection = await open();
    const worker = new Worker(connection, "taken");
    await eventually("it works", () => worker.isWorking);
    const kv = await new Kvm(jetstream(connection)).open("taken_leases");
    await kv.put("control", JSON.stringify({ host: "elsewhere", pid: 1, startedMs: 0, id: "y" }));
    await eventually("it has stopped", () => !worker.isWorking);
    await eventually("it works again when the other is silent", () => worker.turns === 2);
    await worker.stop();
  });
});
