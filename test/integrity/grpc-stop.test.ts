/**
 * SIGTERM under a load of gRPC calls harms none of them, and nothing that was answered is lost.
 *
 * A call is harmed when it ends in anything but an answer or UNAVAILABLE, which says to send it elsewhere.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startTestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPorts } from "../support/fixed-ports.ts";
import { GrpcClient } from "../support/grpc-client.ts";
import { GrpcLoad } from "../support/grpc-load.ts";
import { serveIdentity } from "../support/identity-model.ts";
import { createRandom } from "../support/random.ts";
import { compareStored, untilDrained } from "../support/stored.ts";

const ROUNDS = 3;
const LOAD_MS = { low: 300, high: 1_200 } as const;
const MODEL = "identity-fp32";
const INPUTS = [{ name: "x", datatype: "FP32", shape: [1, 3] }];
const CONTENTS = [Buffer.alloc(12)];

function request(id: string): object {
  return { model_name: MODEL, id, inputs: INPUTS, raw_input_contents: CONTENTS };
}

test("SIGTERM under load harms no gRPC call, ends with code 0 and loses nothing", async (t) => {
  const random = createRandom();
  t.diagnostic(`TEST_SEED=${random.seed}`);
  await using engine = await startTestEngine({ sample: false, env: await fixedPorts() });
  await serveIdentity(engine, MODEL);
  const answered: string[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    await using load = new GrpcLoad({ address: engine.grpcAddress, connections: 4, callsEach: 8, request });
    using client = new GrpcClient(engine.grpcAddress);
    const stream = openStream(client);
    await delay(random.between(LOAD_MS.low, LOAD_MS.high));
    const code = await engine.stop();
    await load.stop();
    const outages = [...load.unavailable].map(([why, count]) => `${count} × ${why}`).join(", ");
    t.diagnostic(
      `round ${round}: ${load.answered.length} calls, ${stream.answered.length} of the stream; ${outages}`,
    );
    assert.equal(code, 0, `exit code\n${engine.stderr.slice(-3_000)}`);
    assert.deepEqual(load.harmed, [], "calls that came to harm");
    assert.match(await stream.end, /^14 UNAVAILABLE: this engine is stopping/);
    assert.ok(load.answered.length > 0 && stream.answered.length > 0);
    answered.push(...load.answered, ...stream.answered);
    await engine.start();
    await eventually("it serves again", async () => (await engine.get("/ready")).status === 200, 20_000);
  }
  await untilDrained(engine);
  const stored = await compareStored(engine, "request_id", answered);
  t.diagnostic(`${ROUNDS} rounds; ${answered.length} answered, ${stored.rows} rows stored`);
  assert.deepEqual(stored.missing.slice(0, 10), [], "answered and not stored");
  assert.equal(stored.doubled, 0, "predictions stored twice");
});

/** Sends a request with each answer that it gets; `end` is what ended it. */
function openStream(client: GrpcClient): { readonly answered: string[]; readonly end: Promise<string> } {
  const answered: string[] = [];
  const stream = client.stream();
  stream.on("data", ({ infer_response: { id } }: { infer_response: { id: string } }) => {
    answered.push(id);
    stream.write(request(crypto.randomUUID()));
  });
  const end = new Promise<string>((resolve) => {
    stream.once("end", () => resolve("no error"));
    stream.once("error", (error) => resolve(error.message));
  });
  for (let at = 0; at < 8; at++) stream.write(request(crypto.randomUUID()));
  return { answered, end };
}
