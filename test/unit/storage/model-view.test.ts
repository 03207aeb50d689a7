/** The view of a model in a real ClickHouse: features by name, whatever versions did with their order and names. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import type { ModelManifest } from "../../../engine/core/manifest.ts";
import { migrate } from "../../../storage/migrate.ts";
import { modelViewName, replaceModelView } from "../../../storage/model-view.ts";
import { startTestClickhouse, type TestClickhouse } from "../../support/clickhouse.ts";
import { mixedManifest } from "../../support/manifests.ts";

interface Row {
  readonly version: string;
  readonly features: readonly number[];
  readonly categories: readonly string[];
}

describe("the view of a model", () => {
  let server: TestClickhouse;
  before(async () => {
    server = await startTestClickhouse();
    await migrate(server.client, "views", pino({ level: "silent" }));
  });
  after(async () => server.remove());

  const insert = async (model: string, rows: readonly Row[]): Promise<void> => {
    await server.client.insert({
      table: "views.predictions",
      format: "JSONEachRow",
      values: rows.map(({ version, ...row }) => ({
        ...row,
        model_name: model,
        model_version: version,
        source: "http",
      })),
    });
  };
  const select = async (model: string, columns: string): Promise<unknown[]> => {
    const query = `SELECT ${columns} FROM views.\`${modelViewName(model)}\` ORDER BY model_version`;
    return (await server.client.query({ query, format: "JSONEachRow" })).json();
  };
  const version = (model: string, number: string, inputs: unknown): ModelManifest =>
    mixedManifest({ name: model, version: number, inputs });

  it("finds each feature where the row's version keeps it", async () => {
    const model = "orders-1";
    const a = { name: "a", type: "float" };
    const b = { name: "b", type: "float" };
    const c = { name: "c", type: "category", categories: ["x", "y"] };
    await replaceModelView(server.client, "views", model, [
      version(model, "1.0.0", [a, c, b]),
      version(model, "2.0.0", [b, a]),
    ]);
    await insert(model, [
      { version: "1.0.0", features: [1, 2], categories: ["y"] },
      { version: "2.0.0", features: [3, 4], categories: [] },
    ]);
    assert.deepEqual(await select(model, "a, b, c"), [
      { a: 1, b: 2, c: "y" },
      { a: 4, b: 3, c: null },
    ]);
  });

  it("shows a feature as text that was a category once", async () => {
    const model = "changed";
    await replaceModelView(server.client, "views", model, [
      version(model, "1.0.0", [{ name: "grade", type: "category", categories: ["A"] }]),
      version(model, "2.0.0", [{ name: "grade", type: "float" }]),
    ]);
    await insert(model, [
      { version: "1.0.0", features: [], categories: ["A"] },
      { version: "2.0.0", features: [2.5], categories: [] },
    ]);
    assert.deepEqual(await select(model, "grade"), [{ grade: "A" }, { grade: "2.5" }]);
  });

  it("shows what is missing as NULL, timestamps as such, and texts", async () => {
    const model = "raw";
    const inputs = [
      { name: "size", type: "float", nullable: true },
      { name: "at", type: "timestamp", nullable: true },
      { name: "note", type: "text" },
      { name: "color", type: "category", categories: ["red"], nullable: true },
      { name: "age", type: "float" },
    ];
    const preprocessing = [
      { type: "imputer", columns: ["size"], strategy: "mean", statistics: [0] },
      { type: "select", columns: ["size", "age"] },
    ];
    const raw = { input_tensor: "features", preprocessing };
    await replaceModelView(server.client, "views", model, [
      mixedManifest({ name: model, version: "1.0.0", inputs, ...raw }),
      version(model, "2.0.0", [
        { name: "at", type: "float" },
        { name: "age", type: "float" },
      ]),
    ]);
    const values = [
      { model_version: "1.0.0", features: [1, 2], categories: ["2026-02-03T04:05:06.789Z", "", "red"] },
      { model_version: "1.0.1", features: [], categories: [] },
      { model_version: "2.0.0", features: [7, 8], categories: [] },
    ].map((row) => ({ ...row, model_name: model, source: "http" }));
    await server.client.insert({ table: "views.predictions", format: "JSONEachRow", values });
    await server.client.command({
      query: `INSERT INTO views.predictions (model_name, model_version, source, features, categories)
              VALUES ('${model}', '1.0.0', 'nats', [nan, 3], ['', 'n', ''])`,
    });
    const query = `SELECT source, size, at, note, color, age FROM views.\`${modelViewName(model)}\`
                   WHERE model_version != '1.0.1' ORDER BY model_version, source`;
    const result = await server.client.query({ query, format: "JSONEachRow" });
    assert.deepEqual(await result.json(), [
      { source: "http", size: 1, at: "2026-02-03 04:05:06.789", note: "", color: "red", age: 2 },
      { source: "nats", size: null, at: null, note: "n", color: null, age: 3 },
      { source: "http", size: null, at: "7", note: null, color: null, age: 8 },
    ]);
  });

  it("keeps apart features that are called like columns, or like what those are renamed to", async () => {
    const model = "names";
    const names = [
      "features",
      "categories",
      "log_seq",
      "model_version",
      "feature_model_version",
      "source",
      "a.b",
      "a-b",
    ];
    const inputs = names.map((name) => ({ name, type: "float" }));
    await replaceModelView(server.client, "views", model, [version(model, "1.0.0", inputs)]);
    await insert(model, [{ version: "1.0.0", features: names.map((_, index) => index), categories: [] }]);
    const columns =
      "model_version, source, feature_features, feature_categories, feature_log_seq, feature_model_version, feature_feature_model_version, feature_source, `a.b`, `a-b`";
    assert.deepEqual(await select(model, columns), [
      {
        model_version: "1.0.0",
        source: "http",
        feature_features: 0,
        feature_categories: 1,
        feature_log_seq: 2,
        feature_model_version: 3,
        feature_feature_model_version: 4,
        feature_source: 5,
        "a.b": 6,
        "a-b": 7,
      },
    ]);
  });

  it("shows rows of its own model only", async () => {
    assert.equal((await select("names", "model_version")).length, 1);
  });
});
