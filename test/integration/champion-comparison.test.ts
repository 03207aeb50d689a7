/**
 * A version against the champion over a real ClickHouse: ROC AUC and mean losses on the requests that both answered, the rest on each
 * one's own rows. Held against goldens of all pairs, scikit-learn and SciPy (test/fixtures/performance).
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { pino } from "pino";
import { type ModelManifest, parseManifest } from "../../engine/core/manifest.ts";
import { PerformanceMonitor } from "../../engine/monitor/performance/performance-monitor.ts";
import { type ClickHouse, selectRows } from "../../storage/clickhouse.ts";
import { assertClose } from "../support/close.ts";
import { DAY_MS, START_MS, storeLabels, storePredictions } from "../support/label-tables.ts";
import { MIXED, mixedManifest } from "../support/manifests.ts";
import { goldenCases } from "../support/performance-golden.ts";
import { performancePorts } from "../support/performance-ports.ts";
import { startTestTables, type TestTables } from "../support/test-tables.ts";

const DATABASE = "millrace";
const EXACT = 1e-12;
/** Of a golden of doubles, once its values are float32. */
const STORED = 1e-6;
const SLACK_MS = 10_000;

interface ChampionRow {
  readonly metric: string;
  readonly champion_version: string;
  readonly champion_gain: number;
  readonly champion_gain_low: number;
  readonly champion_gain_high: number;
  readonly champion_pairs: number;
}

describe("a version against the champion", () => {
  let tables: TestTables;
  let client: ClickHouse;

  before(async () => {
    tables = await startTestTables(DATABASE);
    client = tables.client;
  });
  after(async () => tables?.remove());
  beforeEach(async () => {
    await tables.truncate("predictions", "labels", "performance_reports");
  });

  /** A round over a day in which 2.0.0 and 1.0.0, the champion, answered the same requests; comparisons of both by metric. */
  async function compare(
    [champion, challenger]: readonly [ModelManifest, ModelManifest],
    values: readonly (readonly number[])[],
    labels: readonly (number | string)[],
  ): Promise<{ readonly compared: ReadonlyMap<string, ChampionRow>; readonly ofChampion: number }> {
    const predictions = values.flatMap((ofVersion, version) =>
      ofVersion.map((value, at) => ({
        number: version * 1_000 + at + 1,
        atMs: at,
        requestId: `r${at}`,
        version: version === 0 ? "2.0.0" : "1.0.0",
        value,
        predicted: champion.classes === undefined ? "" : value >= 0.5 ? "yes" : "no",
      })),
    );
    await storePredictions(client, DATABASE, predictions);
    await storeLabels(
      client,
      DATABASE,
      labels.map((label, at) => ({ seq: at + 1, requestId: `r${at}`, label })),
    );
    const nowMs = START_MS + DAY_MS + SLACK_MS;
    const warnings: string[] = [];
    const monitor = new PerformanceMonitor({
      ...performancePorts(client, DATABASE),
      settingsOf: async () => ({}),
      championOf: async () => champion,
      tell: async () => undefined,
      now: () => nowMs,
      logger: pino({ level: "warn" }, { write: (line: string) => void warnings.push(line) }),
    });
    await monitor.round([{ manifest: challenger }, { manifest: champion }], nowMs);
    assert.deepEqual(warnings, []);
    const rows = await selectRows<ChampionRow & { readonly model_version: string }>(
      client,
      `SELECT model_version, metric, champion_version, champion_gain, champion_gain_low, champion_gain_high, champion_pairs
       FROM ${DATABASE}.performance WHERE champion_version != '' SETTINGS output_format_json_quote_64bit_integers = 0`,
    );
    const ofChallenger = rows.filter(({ model_version }) => model_version === "2.0.0");
    const compared = new Map(ofChallenger.map((row) => [row.metric, row]));
    return { compared, ofChampion: rows.length - ofChallenger.length };
  }

  it("of two classes has ROC AUC, log loss and Brier score of the requests that both answered", async () => {
    const found = goldenCases("auc-comparison").find(({ name }) => name.startsWith("independent"));
    assert.ok(found);
    const [champion, challenger] = ["1.0.0", "2.0.0"].map((version) =>
      parseManifest({ ...MIXED, name: "m", version }),
    ) as [ModelManifest, ModelManifest];
    const { scores, other_scores: others, losses } = found;
    const labels = found.labels.map((one) => (one === 1 ? "yes" : "no"));
    const { compared, ofChampion } = await compare([champion, challenger], [scores, others], labels);
    assert.equal(ofChampion, 0, "the champion is not compared with itself");
    assert.equal(compared.size, 10);
    const auc = compared.get("roc_auc");
    assert.ok(auc);
    assert.deepEqual([auc.champion_version, auc.champion_pairs], ["1.0.0", scores.length]);
    assertClose(auc.champion_gain, found.difference, "gain", EXACT);
    const half = (auc.champion_gain_high - auc.champion_gain_low) / 2;
    assertClose(half / 1.959963984540054, Math.sqrt(found.variance), "error", EXACT);
    for (const [metric, { low, high }] of Object.entries(losses)) {
      const loss = compared.get(metric);
      assert.equal(loss?.champion_pairs, scores.length);
      assertClose(loss.champion_gain_low, -high, metric, EXACT);
      assertClose(loss.champion_gain_high, -low, metric, EXACT);
    }
    assert.equal(compared.get("accuracy")?.champion_pairs, 0);
  });

  it("of values has mean errors of the requests that both answered", async () => {
    const [found] = goldenCases("regression-comparison");
    assert.ok(found);
    const [champion, challenger] = ["1.0.0", "2.0.0"].map((version) =>
      mixedManifest({ name: "m", version, classes: undefined, outputs: [{ name: "value", type: "value" }] }),
    ) as [ModelManifest, ModelManifest];
    const { compared } = await compare(
      [champion, challenger],
      [found.predicted, found.other_predicted],
      found.labels,
    );
    for (const [metric, { value, other, low, high }] of Object.entries(found.losses)) {
      const loss = compared.get(metric);
      assert.equal(loss?.champion_pairs, found.labels.length);
      assertClose(loss.champion_gain, other - value, metric, STORED);
      assertClose(loss.champion_gain_low, -high, metric, STORED);
      assertClose(loss.champion_gain_high, -low, metric, STORED);
    }
    assert.equal(compared.get("r2")?.champion_pairs, 0);
  });
});
