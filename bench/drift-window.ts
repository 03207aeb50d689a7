/**
 * What a look at a window costs, from counters in ClickHouse: of windows that hold 10^5 predictions and 10^8. The counters are
 * generated: as many rows of `feature_counts` as a month of either would leave.
 */

import type { WatchedVersion } from "../engine/monitor/drift/count-keeper.ts";
import { answerDrift } from "../engine/monitor/drift/drift-question.ts";
import { REFUSAL_CODES } from "../engine/monitor/drift/window-series.ts";
import { CountStore } from "../storage/count-store.ts";
import { requestErrorCounter } from "../storage/traffic-report.ts";
import type { DriftBench } from "./drift-clickhouse.ts";
import { percentilesOf } from "./percentiles.ts";
import { round } from "./report.ts";

const DAYS = 30;
const DAY_S = 86_400;
const ROUNDS = 200;

export interface WindowFigure {
  readonly predictions: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Fills `feature_counts` with `predictions` over 30 days that end now, and asks for windows of 30, 7 and 1 days. */
export async function measureWindows(
  { client, database }: DriftBench,
  version: WatchedVersion,
  predictions: number,
): Promise<WindowFigure> {
  const counts = new CountStore(client, database);
  const endS = Math.floor(Date.now() / 60_000) * 60;
  for (const [seconds, panes] of [
    [60, DAYS * 1_440],
    [3_600, DAYS * 24],
    [DAY_S, DAYS + 1],
  ] as const) {
    const perPane = predictions / panes;
    for (const { role, name, counts: reference } of version.profile.columns) {
      await client.command({
        query: `INSERT INTO ${database}.feature_counts (model_name, model_version, variant, reference_id, role, feature, pane_seconds, pane, bin, log_epoch, log_seq, count)
          SELECT {model:String}, '1.0.0', '', {referenceId:String}, {role:String}, {name:String}, ${seconds},
            toDateTime(intDiv(${endS}, ${seconds}) * ${seconds} - ${seconds} * (intDiv(number, ${reference.length}) + 1), 'UTC'),
            number % ${reference.length}, 1, 1, greatest(1, toUInt64(${perPane / reference.length} * (1 + (cityHash64(number) % 100) / 1000)))
          FROM numbers(${panes * reference.length})`,
        query_params: { model: version.model, referenceId: version.referenceId, role, name },
      });
    }
  }
  const ports = {
    sum: counts.sum.bind(counts),
    refused: requestErrorCounter(client, database, REFUSAL_CODES),
    settingsOf: async () => undefined,
  };
  const tookMs: number[] = [];
  for (let index = -20; index < ROUNDS; index++) {
    const days = [30, 7, 1][Math.abs(index) % 3] ?? 1;
    const startedMs = performance.now();
    const toMs = endS * 1000 - (Math.abs(index) % 60) * 60_000;
    await answerDrift(ports, { version, fromMs: toMs - days * DAY_S * 1000, toMs, nowMs: endS * 1000 });
    if (index >= 0) tookMs.push(performance.now() - startedMs);
  }
  const { p50, p99 } = percentilesOf(tookMs);
  return { predictions, p50Ms: round(p50, 1), p99Ms: round(p99, 1) };
}
