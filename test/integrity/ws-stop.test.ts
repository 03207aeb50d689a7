/**
 * SIGTERM under load over WebSocket: every message that was taken is answered before its connection closes with 1001, what was
 * answered is stored, and what was not answered was never taken.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine } from "../support/engine.ts";
import { fixedPorts } from "../support/fixed-ports.ts";
import { createRandom } from "../support/random.ts";
import { untilDrained } from "../support/stored.ts";
import { WsClient } from "../support/ws-client.ts";

const ROUNDS = 4;
const CLIENTS = 4;
const IN_FLIGHT = 100;
const LOAD_MS = { low: 200, high: 800 } as const;

/** Keeps IN_FLIGHT messages in flight until it is told to stop sending or the connection closes. */
class Load {
  readonly client: WsClient;
  /** request_id of every message sent, and of those with each kind of answer. */
  readonly sent: string[] = [];
  readonly answered: string[] = [];
  readonly refused: string[] = [];
  readonly surprises: string[] = [];
  readonly #name: string;

  private constructor(client: WsClient, name: string) {
    this.client = client;
    this.#name = name;
  }

  static async start(url: string, name: string): Promise<Load> {
    const load = new Load(await WsClient.open(url), name);
    load.client.onMessage = (message) => {
      if (message.type === "prediction") load.answered.push(message.id);
      else if (message.type === "error" && message.error.code === "SHUTTING_DOWN")
        load.refused.push(message.id ?? "");
      else if (message.type !== "hello") load.surprises.push(JSON.stringify(message));
      load.#ask();
    };
    for (let index = 0; index < IN_FLIGHT; index++) load.#ask();
    return load;
  }

  #ask(): void {
    if (this.client.closeCode !== undefined) return;
    const id = `${this.#name}-${this.sent.length}`;
    this.sent.push(id);
    this.client.send({ type: "predict", id, request_id: id, features: PAYMENT });
  }
}

test("SIGTERM under load over WebSocket loses no answer", async (t) => {
  const random = createRandom();
  t.diagnostic(`TEST_SEED=${random.seed}`);
  await using engine = await startTestEngine({ env: await fixedPorts() });
  const answered: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const loads = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, index) =>
        Load.start(engine.httpUrl, `round-${round}-${index}`),
      ),
    );
    using onlooker = await WsClient.open(engine.httpUrl);
    onlooker.send({ type: "subscribe", id: "s", model: "card-fraud", predictions: true, events: true });
    assert.equal((await onlooker.answerTo("s")).type, "subscribed");
    await delay(random.between(LOAD_MS.low, LOAD_MS.high));
    const stoppedMs = performance.now();
    assert.equal(await engine.stop(), 0, `exit code\n${engine.stderr.slice(-3_000)}`);
    const stopMs = Math.round(performance.now() - stoppedMs);
    for (const { client, sent, surprises, ...load } of loads) {
      assert.equal(await client.closed(), 1001);
      assert.match(client.closeReason, /stopping/);
      assert.deepEqual(surprises, []);
      const settled = [...load.answered, ...load.refused];
      assert.equal(new Set(settled).size, settled.length, "a message was answered twice");
      // messages are taken in their order: what is unanswered was still on its way when the connection closed
      assert.deepEqual(new Set(settled), new Set(sent.slice(0, settled.length)));
      answered.push(...load.answered);
    }
    assert.equal(await onlooker.closed(), 1001);
    const count = (of: "sent" | "answered" | "refused"): number =>
      loads.reduce((sum, load) => sum + load[of].length, 0);
    t.diagnostic(
      `round ${round}: stopped in ${stopMs} ms; ${count("sent")} sent, ${count("answered")} answered, ${count("refused")} refused`,
    );
    await engine.start();
  }
  await untilDrained(engine);
  const stored = await engine.sql<{ request_id: string }>(
    "SELECT request_id FROM millrace.predictions WHERE source = 'ws'",
  );
  assert.ok(answered.length > ROUNDS * CLIENTS * IN_FLIGHT);
  assert.deepEqual(stored.map(({ request_id }) => request_id).sort(), answered.sort());
});
