/** What rounds of performance read and write, over the tables of a ClickHouse; what detectors find among errors is told to nobody. */
import type { PerformanceMonitorOptions } from "../../engine/monitor/performance/performance-monitor.ts";
import type { ClickHouse } from "../../storage/clickhouse.ts";
import { PerformanceRows } from "../../storage/performance-rows.ts";
import { PerformanceStore } from "../../storage/performance-store.ts";
import { PredictionErrorStore } from "../../storage/prediction-error-store.ts";

export function performancePorts(
  client: ClickHouse,
  database: string,
): Pick<PerformanceMonitorOptions, "rows" | "reports" | "errors" | "tellErrors"> {
  const errors = new PredictionErrorStore(client, database);
  return {
    rows: new PerformanceRows(client, database),
    reports: new PerformanceStore(client, database),
    errors: (upTo, classes) => errors.asOf(upTo, classes),
    tellErrors: async () => undefined,
  };
}
