/**
 * An entrance that is younger than the tables: rows of it beside rows from before, in everything that shows or counts the source.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { pino } from "pino";
import { SOURCES } from "../../engine/core/prediction.ts";
import { selectRows } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { MIGRATIONS } from "../../storage/migrations.ts";
import { modelViewName, replaceModelView } from "../../storage/model-view.ts";
import { PredictionStore } from "../../storage/prediction-store.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { mixedManifest } from "../support/manifests.ts";
import { predictionRows } from "../support/prediction-rows.ts";
import { assertTrafficIsExact } from "../support/traffic.ts";

const EPOCH = 1_700_000_000_000;
const AT = Date.UTC(2026, 10, 3, 22);
const SOURCE_MIGRATION = 17;

let server: TestClickhouse;
before(async () => {
  server = await startTestClickhouse();
});
after(async () => server.remove());

it("are stored, shown and counted in tables that were made before", async () => {
  const { client } = server;
  const manifest = mixedManifest();
  await client.command({ query: "CREATE DATABASE older" });
  for (const { id, statements } of MIGRATIONS)
    if (id < SOURCE_MIGRATION)
      for (const statement of statements)
        await client.command({ query: statement.replaceAll("{database}", "older") });
  await replaceModelView(client, "older", manifest.name, [manifest]);
  const store = new PredictionStore(client, "older");
  const row = {
    epoch: EPOCH,
    dateMs: AT,
    model: manifest.name,
    version: manifest.version,
    queueMs: 1,
    inferenceMs: 2,
  };
  await store.insert(predictionRows([{ ...row, seq: 1 }]), "before");

  await migrate(client, "older", pino({ level: "silent" }));
  await replaceModelView(client, "older", manifest.name, [manifest]);
  const later = SOURCES.map((source, index) => ({ ...row, source, seq: 2 + index }));
  assert.equal(await store.insert(predictionRows(later), "after"), undefined);

  const expected = ["http", ...SOURCES].sort();
  for (const table of ["predictions", `\`${modelViewName(manifest.name)}\``]) {
    const rows = await selectRows<{ source: string }>(client, `SELECT source FROM older.${table}`);
    assert.deepEqual(rows.map(({ source }) => source).sort(), expected, table);
  }
  await assertTrafficIsExact(client, "older");
  const counted = await selectRows<{ source: string; total: number }>(
    client,
    "SELECT source, toUInt32(sum(rows)) AS total FROM older.traffic_hours GROUP BY source",
  );
  assert.deepEqual(
    Object.fromEntries(counted.map(({ source, total }) => [source, total])),
    Object.fromEntries(SOURCES.map((source) => [source, source === "http" ? 2 : 1])),
  );
  const errors = await selectRows<{ type: string }>(
    client,
    "SELECT type FROM system.columns WHERE database = 'older' AND table = 'request_errors' AND name = 'source'",
  );
  assert.match(errors[0]?.type ?? "", /'ws' = 5, 'grpc' = 6/);
});
