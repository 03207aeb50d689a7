/**
 * A hundred swaps of the version in production under load: no request fails, and each is answered by one of the two.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Prediction } from "../../engine/core/prediction.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { readModelFolder } from "../support/model-folder.ts";
import { pushBody, untilServed, withManifest } from "../support/model-requests.ts";

const SWAPS = 100;
const CLIENTS = 8;
const VERSIONS = ["1.0.0", "1.0.1"] as const;

it("a hundred swaps under load fail no request and lose no prediction", async () => {
  await using engine = await startTestEngine();
  const sample = readModelFolder("engine/sample/card-fraud");
  const next = withManifest(sample, { version: VERSIONS[1] });
  assert.equal((await engine.post("/models", pushBody(next))).status, 201);

  const stopping = new AbortController();
  const answered = new Map<string, number>();
  const failures: string[] = [];
  const client = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const response = await engine.post("/predict", { features: PAYMENT });
      const body = await response.text();
      if (response.status !== 200) {
        failures.push(body);
        continue;
      }
      const { model_version, predicted_value } = JSON.parse(body) as Prediction;
      assert.ok(predicted_value > 0 && predicted_value < 1);
      answered.set(model_version, (answered.get(model_version) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  for (let swap = 1; swap <= SWAPS; swap++) {
    const version = VERSIONS[swap % 2] as string;
    const response = await engine.post("/models/card-fraud/promote", { version });
    assert.equal(response.status, 200);
    await untilServed(engine, "card-fraud", version);
  }
  stopping.abort();
  await Promise.all(clients);

  assert.deepEqual(failures, []);
  assert.deepEqual([...answered.keys()].sort(), [...VERSIONS]);
  const total = [...answered.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(total > SWAPS * CLIENTS, `${total} requests were answered meanwhile`);
  const stored = async (): Promise<Record<string, number>> => {
    const rows = await engine.sql<{ version: string; rows: number }>(
      "SELECT model_version AS version, toUInt32(uniqExact(prediction_id)) AS rows FROM millrace.predictions GROUP BY version",
    );
    return Object.fromEntries(rows.map(({ version, rows }) => [version, rows]));
  };
  await eventually(
    "every answered prediction is stored under the version that answered it",
    async () => {
      assert.deepEqual(await stored(), Object.fromEntries(answered));
      return true;
    },
    20_000,
  );
  const rows = await engine.sql<{ rows: number }>(
    "SELECT toUInt32(count()) AS rows FROM millrace.predictions",
  );
  assert.equal(rows[0]?.rows, total);
});
