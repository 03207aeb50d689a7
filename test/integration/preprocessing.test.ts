/**
 * A model with preprocessing, from the folder to SQL: pushed, promoted, asked over HTTP with missing values and unseen
 * categories. It must answer as the whole scikit-learn pipeline does, and what is stored must be the raw values.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Prediction } from "../../engine/core/prediction.ts";
import type { PreprocessingStep } from "../../engine/core/preprocessing.ts";
import { compilePipeline } from "../../engine/transform/pipeline.ts";
import { fromLoggedRows, type LoggedRow } from "../../engine/transform/raw-rows.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { checkErrorBody } from "../support/answers.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { PROJECT, readModelFolder } from "../support/model-folder.ts";
import { pushBody, untilServed, withManifest } from "../support/model-requests.ts";
import { type PlainRow, rawRowsOf, transformed } from "../support/raw-rows.ts";

const FOLDER = "test/fixtures/preprocessed";
const TOLERANCE = 1e-5;

interface Golden {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly expected: readonly (readonly number[])[];
}

const artifact = readModelFolder(FOLDER);
const golden = JSON.parse(readFileSync(join(PROJECT, FOLDER, "golden.json"), "utf8")) as Golden;
const MODEL = artifact.manifest.name;

describe("a model with preprocessing", () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startTestEngine({ sample: false });
    const response = await engine.post("/models", pushBody(artifact, "production"));
    assert.equal(response.status, 201, await response.text());
    await untilServed(engine, MODEL, artifact.manifest.version);
  });
  after(async () => engine[Symbol.asyncDispose]());

  const predict = async (features: unknown, requestId = ""): Promise<Response> =>
    engine.post("/predict", { features, ...(requestId === "" ? {} : { request_id: requestId }) });
  const refusal = async (features: unknown): Promise<{ field: string; message: string }> => {
    const response = await predict(features);
    assert.equal(response.status, 400);
    const { code, details } = checkErrorBody(await response.json());
    assert.equal(code, "INVALID_FEATURES");
    return details[0] as { field: string; message: string };
  };

  it("answers as the scikit-learn pipeline, missing values and unseen categories included", async () => {
    assert.ok(
      golden.rows.some((row) => row["age"] === null) && golden.rows.some((row) => row["workclass"] === null),
    );
    assert.ok(golden.rows.some((row) => row["workclass"] === "astronaut"));
    const instances = golden.rows.map((features, index) => ({ request_id: `golden-${index}`, features }));
    const response = await engine.post("/predict/batch", { instances });
    assert.equal(response.status, 200);
    const { predictions } = (await response.json()) as { predictions: Prediction[] };
    assert.equal(predictions.length, golden.rows.length);
    predictions.forEach((prediction, index) => {
      golden.expected[index]?.forEach((probability, label) => {
        const answered = prediction.probabilities?.[label] ?? Number.NaN;
        assert.ok(
          Math.abs(answered - probability) <= TOLERANCE,
          `row ${index}: ${answered}, not ${probability}`,
        );
      });
    });
  });

  it("keeps raw values in the log, missing ones as NULL in the view", async () => {
    const row = golden.rows[0] as Record<string, unknown>;
    const { age: _, workclass: __, ...known } = row;
    const features = { ...known, hours: null, joined: Date.UTC(2026, 1, 3, 4, 5, 6, 789), job: "Über – job" };
    assert.equal((await predict(features, "missing")).status, 200);
    const [stored, unseen] = await eventually("the row is stored", async () => {
      const rows = await engine.sql(
        `SELECT * FROM millrace.predictions_${MODEL} WHERE request_id = 'missing' OR request_id = 'golden-3' ORDER BY request_id DESC`,
      );
      return rows.length === 2 ? rows : undefined;
    });
    assert.equal(stored?.["age"], null);
    assert.equal(stored?.["hours"], null);
    assert.equal(stored?.["workclass"], null);
    assert.equal(stored?.["education"], row["education"]);
    assert.equal(stored?.["capital"], row["capital"]);
    assert.equal(Math.fround(Number(stored?.["latitude"])), row["latitude"]);
    assert.equal(stored?.["job"], "Über – job");
    assert.equal(stored?.["joined"], "2026-02-03 04:05:06.789");
    assert.equal(unseen?.["workclass"], "astronaut");
    assert.equal(unseen?.["age"], golden.rows[3]?.["age"]);
    const text = `SELECT age, joined, job FROM predictions_${MODEL} WHERE request_id = 'missing' FORMAT JSONEachRow`;
    const asAnalyst = await fetch(new URL("/?database=millrace", engine.clickhouseUrl), {
      method: "POST",
      body: text,
    });
    assert.deepEqual(await asAnalyst.json(), {
      age: null,
      joined: "2026-02-03 04:05:06.789",
      job: "Über – job",
    });
    const [count] = await engine.sql<{ width: string }>(
      "SELECT length(features) + length(categories) AS width FROM millrace.predictions WHERE request_id = 'missing'",
    );
    assert.equal(
      Number(count?.width),
      artifact.manifest.inputs.length,
      "raw values, not what the model reads",
    );
  });

  it("makes of the logged rows what it made of the requests", async () => {
    const { inputs, preprocessing = [] } = artifact.manifest;
    const logged = await eventually("all golden rows are stored", async () => {
      const rows = await engine.sql<LoggedRow & { request_id: string }>(
        "SELECT request_id, features, categories FROM millrace.predictions WHERE request_id LIKE 'golden-%'",
      );
      return rows.length === golden.rows.length ? rows : undefined;
    });
    const order = logged.map(({ request_id }) => Number(request_id.replace("golden-", "")));
    const served = order.map((index) =>
      inputs.map(({ name }) => (golden.rows[index]?.[name] ?? null) as PlainRow[number]),
    );
    const pipeline = compilePipeline(inputs, preprocessing);
    assert.deepEqual(
      transformed(pipeline, fromLoggedRows(inputs, logged)),
      transformed(pipeline, rawRowsOf(inputs, served)),
    );
  });

  it("describes its inputs, with an example that can be posted", async () => {
    const schema = (await (await engine.get(`/model/schema?model=${MODEL}`)).json()) as {
      examples: unknown[];
      properties: { features: { properties: Record<string, unknown>; required: string[] } };
    };
    const { properties, required } = schema.properties.features;
    assert.deepEqual(properties["age"], { type: ["number", "null"], minimum: 0, maximum: 130 });
    assert.deepEqual(properties["workclass"], { type: ["string", "null"], maxLength: 64 });
    assert.deepEqual((properties["joined"] as { type: unknown }).type, ["string", "number"]);
    assert.deepEqual(required, ["capital", "education", "job", "joined", "latitude", "longitude"]);
    const response = await engine.post("/predict", schema.examples[0]);
    assert.equal(response.status, 200, await response.text());
  });

  it("names the field that is wrong", async () => {
    const [row = {}] = golden.rows;
    const { job: _, ...jobless } = row;
    assert.deepEqual(await refusal(jobless), { field: "features.job", message: "is required" });
    assert.equal((await refusal({ ...row, job: "x".repeat(201) })).field, "features.job");
    assert.equal((await refusal({ ...row, age: "40" })).field, "features.age");
    for (const joined of ["yesterday", "2026-02-30", "2026-02-03T04:05:06", 1e17, true])
      assert.equal((await refusal({ ...row, joined })).field, "features.joined");
  });

  it("refuses categories that a strict encoder has not seen, of that row alone", async () => {
    const strict = withSteps("2.0.0", (step) =>
      step.type === "one_hot_encoder" ? { ...step, handle_unknown: "error" } : step,
    );
    assert.equal((await engine.post("/models", pushBody(strict, "production"))).status, 201);
    await untilServed(engine, MODEL, "2.0.0");
    const { field, message } = await refusal(golden.rows[3]);
    assert.equal(field, "features.workclass");
    assert.match(message, /^is a category that the model has not seen: one of "café owner", /);
    const instances = golden.rows.slice(2, 5).map((features) => ({ features }));
    const response = await engine.post("/predict/batch", { instances });
    const { predictions } = (await response.json()) as { predictions: (Prediction | { error: unknown })[] };
    assert.deepEqual(
      predictions.map((one) => "error" in one),
      [false, true, false],
    );
  });

  it("is refused where its steps do not make what the model takes", async () => {
    const { manifest } = artifact;
    const refused = async (version: string, change: Parameters<typeof withSteps>[1]): Promise<unknown> => {
      const response = await engine.post("/models", pushBody(withSteps(version, change)));
      assert.equal(response.status, 422);
      return checkErrorBody(await response.json()).details[0]?.field;
    };
    const narrower = (step: PreprocessingStep): PreprocessingStep =>
      step.type === "select" ? { ...step, columns: step.columns.slice(1) } : step;
    assert.equal(await refused("3.0.0", narrower), "preprocessing");
    const unknown = (step: PreprocessingStep): PreprocessingStep =>
      step.type === "cyclic_encoder" ? { ...step, columns: ["joined_minute"] } : step;
    assert.equal(await refused("3.0.1", unknown), `preprocessing.${stepIndex("cyclic_encoder")}.columns.0`);
    assert.equal(manifest.version, "1.0.0");
  });
});

function withSteps(version: string, change: (step: PreprocessingStep) => PreprocessingStep): ModelArtifact {
  return withManifest(artifact, { version, preprocessing: artifact.manifest.preprocessing?.map(change) });
}

function stepIndex(type: PreprocessingStep["type"]): number {
  return artifact.manifest.preprocessing?.findIndex((step) => step.type === type) ?? -1;
}
