/**
 * SIGTERM under load harms no request, and nothing that was answered is lost.
 *
 * A request is harmed when its answer is anything but 200, when its answer is cut off, or when the connection that it
 * was sent on had carried an answer before and ended without one. Not harmed is a request whose connection was
 * refused, or was reset before the engine had accepted it: it was never begun, and a client may send it elsewhere.
 */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { fixedPorts } from "../support/fixed-ports.ts";
import { HttpLoad } from "../support/http-load.ts";
import { createRandom } from "../support/random.ts";
import { compareStored, untilDrained } from "../support/stored.ts";
import { StreamLoad } from "../support/stream-load.ts";

const ROUNDS = 6;
const LOAD_MS = { low: 300, high: 1_200 } as const;
const IDLE_CLIENTS = 40;
/** The idle ones send one after the other, over the whole time that a stop takes. */
const IDLE_STEP_MS = 15;
const BODY = JSON.stringify({ features: PAYMENT });
const HEAD = `POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${BODY.length}\r\n\r\n`;

test("SIGTERM under load fails no request, ends with code 0 and loses nothing", async (t) => {
  const random = createRandom();
  t.diagnostic(`TEST_SEED=${random.seed}`);
  await using engine = await startTestEngine({ env: await fixedPorts() });
  await using stream = await StreamLoad.open({
    natsUrl: engine.natsUrl,
    subject: "millrace.requests.card-fraud",
    producers: 2,
    thinkMs: 5,
  });
  stream.start();
  const answered: string[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    await using http = new HttpLoad({ url: () => engine.httpUrl, clients: 8, thinkMs: 0 });
    http.start();
    await delay(random.between(LOAD_MS.low, LOAD_MS.high));
    const idle = await Promise.all(Array.from({ length: IDLE_CLIENTS }, async () => IdleClient.open(engine)));
    const slow = await SlowClient.open(engine);
    const stoppedMs = performance.now();
    const ending = engine.stop();
    for (const [index, client] of idle.entries()) client.sendAfter(index * IDLE_STEP_MS);
    await delay(random.between(0, 200));
    slow.finish();
    const code = await ending;
    const stopMs = Math.round(performance.now() - stoppedMs);
    await http.stop();
    const outages = [...http.unanswered].map(([why, count]) => `${count} × ${why}`).join(", ");
    t.diagnostic(
      `round ${round}: stopped in ${stopMs} ms; ${http.answered.length} answered; then ${outages}`,
    );
    assert.equal(code, 0, `exit code\n${engine.stderr.slice(-3_000)}`);
    assert.deepEqual(http.harmed, [], "requests that came to harm");
    assert.match(await slow.received, /^HTTP\/1\.1 200 /, "a request whose body came slowly");
    const idleAnswers = (await Promise.all(idle.map(async (client) => client.received))).map(statusesOf);
    assert.deepEqual(
      idleAnswers.flat().filter((status) => status !== "200"),
      [],
      "connections that had been idle",
    );
    answered.push(...http.answered);
    await engine.start();
  }
  await stream.stop();
  await untilDrained(engine);
  const predictions = await compareStored(engine, "prediction_id", answered);
  const requests = await compareStored(engine, "request_id", stream.acknowledged);
  t.diagnostic(
    `${ROUNDS} rounds; ${answered.length} answered, ${stream.acknowledged.length} requests acknowledged, ` +
      `${predictions.rows} rows stored`,
  );
  assert.deepEqual(predictions.missing.slice(0, 10), [], "answered and not stored");
  assert.deepEqual(requests.missing.slice(0, 10), [], "acknowledged and not stored");
  assert.equal(predictions.doubled, 0, "predictions stored twice");
});

function statusesOf(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1] ?? "");
}

/** A connection by hand; `received` is all that came on it until it ended. */
class RawClient {
  readonly socket: Socket;
  readonly received: Promise<string>;

  constructor(socket: Socket) {
    this.socket = socket;
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => undefined);
    this.received = new Promise((resolve) => socket.once("close", () => resolve(text)));
  }

  static async connect(engine: TestEngine): Promise<Socket> {
    const { hostname, port } = new URL(engine.httpUrl);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port) }, () => resolve(socket));
      socket.once("error", reject);
    });
  }
}

/** Has sent half of its request when the stop begins, and the rest a little later. */
class SlowClient extends RawClient {
  static async open(engine: TestEngine): Promise<SlowClient> {
    const client = new SlowClient(await RawClient.connect(engine));
    client.socket.write(HEAD + BODY.slice(0, 10));
    await delay(50); // on its way; nothing tells when it has been read
    return client;
  }

  finish(): void {
    this.socket.write(BODY.slice(10));
  }
}

/** Has had an answer, is idle when the stop begins, and sends its next request `afterMs` later. */
class IdleClient extends RawClient {
  static async open(engine: TestEngine): Promise<IdleClient> {
    const client = new IdleClient(await RawClient.connect(engine));
    const answer = new Promise((resolve) => client.socket.once("data", resolve));
    client.socket.write(HEAD + BODY);
    await answer;
    return client;
  }

  sendAfter(afterMs: number): void {
    const timer = setTimeout(() => this.socket.end(HEAD + BODY), afterMs);
    this.socket.once("close", () => clearTimeout(timer));
  }
}
