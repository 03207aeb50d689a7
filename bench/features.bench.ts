/**
 * Online features: reading them, making them from events, and predicting with them; each against its ceiling or goal in one
 * run. Load, engine, NATS, Redis, sink and ClickHouse share the cores.
 */
import { FeatureEngine } from "./feature-engine.ts";
import { toReport } from "./feature-figure.ts";
import { measureIngest } from "./feature-ingest.ts";
import { measureMany } from "./feature-many.ts";
import { fillPayers, measurePredictions, pushFeatureModel } from "./feature-predictions.ts";
import { fillReads, measureOne } from "./feature-reads.ts";
import { measureVisible } from "./feature-visible.ts";
import { measureWindowCost } from "./feature-window-cost.ts";
import { startPeer } from "./peer.ts";
import type { Report } from "./report.ts";

export async function benchFeatures(seconds: number): Promise<Report> {
  const echo = await startPeer("echo-server.js");
  await using bench = await FeatureEngine.start();
  await pushFeatureModel(bench);
  const windowCost = measureWindowCost();
  // First, since it empties Redis.
  const ingest = await measureIngest(bench, seconds);
  const visible = await measureVisible(bench, ingest.livePerSecond / 2, 2 * seconds);
  await fillReads(bench);
  await fillPayers(bench);
  const one = await measureOne(bench, echo, seconds);
  const many = await measureMany(bench, echo, seconds);
  const predictions = await measurePredictions(bench, seconds);
  echo.stop();
  return toReport("Online features over Redis", [
    ...one,
    ...many,
    ...visible,
    ...ingest.figures,
    ...windowCost,
    ...predictions,
  ]);
}
