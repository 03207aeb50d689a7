/**
 * Compares the traffic tables with the rows of `predictions` that they count.
 */
import assert from "node:assert/strict";
import { type ClickHouse, selectRows } from "../../storage/clickhouse.ts";
import { STAGES, TRAFFIC_TABLES, type TrafficUnit, trafficSelect } from "../../storage/traffic-tables.ts";

const KEYS = "time, model_name, model_version, variant, source, log_epoch";

/** Fails with the first differing times when a table does not hold exactly what the rows say. */
export async function assertTrafficIsExact(client: ClickHouse, database = "millrace"): Promise<void> {
  for (const unit of Object.keys(TRAFFIC_TABLES) as TrafficUnit[]) {
    const columns = `toString(time) AS at, model_name, model_version, toString(log_epoch) AS epoch, toString(seq) AS seq, toString(total) AS total, ${STAGES.join(", ")}`;
    const stages = STAGES.map((stage) => `sumMap(t.${stage}) AS ${stage}`).join(", ");
    const counted = `SELECT ${KEYS}, max(t.last_seq) AS seq, sum(t.rows) AS total, ${stages} FROM ${database}.${TRAFFIC_TABLES[unit].table} AS t GROUP BY ${KEYS}`;
    const rows = `SELECT *, last_seq AS seq, rows AS total FROM (${trafficSelect(unit).replaceAll("{database}", database)})`;
    const [actual, expected] = await Promise.all(
      [counted, rows].map(async (from) =>
        selectRows<Record<string, unknown>>(client, `SELECT ${columns} FROM (${from}) ORDER BY ${KEYS}`),
      ),
    );
    const sumOf = (some: readonly Record<string, unknown>[] = []): number =>
      some.reduce((sum, { total }) => sum + Number(total), 0);
    assert.equal(sumOf(actual), sumOf(expected), `rows counted per ${unit}`);
    assert.deepEqual(actual, expected);
  }
}
