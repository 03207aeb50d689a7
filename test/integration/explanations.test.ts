/**
 * Explanations of a whole engine: asked for over HTTP, in batches and over NATS, they come with the prediction; without them the
 * prediction comes alone.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import type { Prediction } from "../../engine/core/prediction.ts";
import { compilePipeline } from "../../engine/transform/pipeline.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { checkErrorBody } from "../support/answers.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { type ExplanationGolden, explainedModel, readExplanations } from "../support/explained-model.ts";
import { readGolden, readModelFolder } from "../support/model-folder.ts";
import { pushBody, toFeatures, untilServed, withManifest } from "../support/model-requests.ts";
import { type PlainRow, rawRowsOf, transformed } from "../support/raw-rows.ts";

const TOLERANCE = 1e-6;
const PREPROCESSED = "test/fixtures/preprocessed";

type Features = Readonly<Record<string, unknown>>;

const [trees] = readExplanations("covers") as [ExplanationGolden];
const treeModel = withManifest(explainedModel(trees), { name: "trees" });
const columns = treeModel.manifest.inputs.map(({ name }) => name);
const featuresAt = (row: number): Features =>
  Object.fromEntries(columns.map((name, at) => [name, trees.rows[row]?.[at] ?? null]));
const preprocessed = readModelFolder(PREPROCESSED);
const people = (readGolden(PREPROCESSED) as unknown as { rows: readonly Features[] }).rows;

/** The preprocessed model with its golden rows as background. */
function withPeople(): ModelArtifact {
  const { manifest, files } = preprocessed;
  const plain = people.map(({ ...row }) =>
    manifest.inputs.map(({ name }) => (row[name] ?? null) as PlainRow[number]),
  );
  const pipeline = compilePipeline(manifest.inputs, manifest.preprocessing ?? []);
  const rows = transformed(pipeline, rawRowsOf(manifest.inputs, plain));
  return { manifest, files: new Map([...files, ["background.json", Buffer.from(JSON.stringify({ rows }))]]) };
}

describe("explanations", () => {
  let engine: TestEngine;
  let nats: NatsConnection;
  before(async () => {
    engine = await startTestEngine();
    for (const artifact of [treeModel, withPeople(), readModelFolder("test/fixtures/bench")]) {
      const response = await engine.post("/models", pushBody(artifact, "production"));
      assert.equal(response.status, 201, await response.text());
      await untilServed(engine, artifact.manifest.name, artifact.manifest.version);
    }
    nats = await connect({ servers: engine.natsUrl });
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  const predict = async (body: Readonly<Record<string, unknown>>): Promise<Prediction> => {
    const response = await engine.post("/predict", body);
    const answer = (await response.json()) as Prediction;
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer;
  };

  /** All features of row `row`, those that contribute most first. */
  const expectGolden = ({ top_features = [], ...prediction }: Prediction, row: number): void => {
    const expected = trees.contributions[row]?.[0] ?? [];
    assert.equal(top_features.length, expected.length);
    for (const [place, { name, value, contribution }] of top_features.entries()) {
      const column = columns.indexOf(name);
      assert.equal(JSON.stringify(value), JSON.stringify(trees.rows[row]?.[column] ?? null));
      assert.ok(
        Math.abs(contribution - (expected[column] ?? Number.NaN)) <= TOLERANCE,
        `row ${row}, ${name}`,
      );
      assert.ok(
        place === 0 || Math.abs(contribution) <= Math.abs(top_features[place - 1]?.contribution ?? 0),
      );
    }
    assert.equal(prediction.contribution_unit, "value");
    const sum = top_features.reduce(
      (all, { contribution }) => all + contribution,
      prediction.base_value ?? 0,
    );
    assert.ok(
      Math.abs(sum - prediction.predicted_value) <= 1e-5,
      `${sum}, not ${prediction.predicted_value}`,
    );
  };

  it("of trees are shap's, the largest contributions first, five unless more are asked for", async () => {
    for (const row of trees.rows.keys())
      expectGolden(await predict({ model: "trees", features: featuresAt(row), explain: 100 }), row);
    const { top_features } = await predict({ model: "trees", features: featuresAt(0), explain: true });
    assert.equal(top_features?.length, 5);
    const one = await predict({ model: "trees", features: featuresAt(0), explain: 1 });
    assert.deepEqual(one.top_features, top_features?.slice(0, 1));
  });

  it("are not there unless they are asked for", async () => {
    for (const explain of [undefined, false, null]) {
      const answer = await predict({ model: "trees", features: featuresAt(0), explain });
      for (const field of ["top_features", "base_value", "contribution_unit", "explanation_error"])
        assert.ok(!(field in answer), field);
    }
  });

  it("come with each row of a batch, in its order; a row that is refused has its error", async () => {
    const instances = [...trees.rows.keys()].map((row) => ({ features: featuresAt(row) }));
    const body = {
      model: "trees",
      explain: 100,
      instances: [{ features: {} }, { features: 5 }, ...instances],
    };
    const response = await engine.post("/predict/batch", body);
    const { predictions } = (await response.json()) as { predictions: Prediction[] };
    assert.ok("top_features" in (predictions[0] ?? {}), "all values are missing");
    assert.equal(checkErrorBody(predictions[1]).code, "INVALID_FEATURES");
    for (const row of trees.rows.keys()) expectGolden(predictions[row + 2] as Prediction, row);
  });

  it("come over NATS", async () => {
    const body = { features: featuresAt(1), explain: 100 };
    const message = await nats.request("millrace.predict.trees", JSON.stringify(body), { timeout: 10_000 });
    expectGolden(message.json(), 1);
  });

  it("come with durable requests", async () => {
    const answers = nats.subscribe("answers.explained", { max: 1 });
    const head = headers();
    head.set("reply-to", "answers.explained");
    const body = JSON.stringify({ features: featuresAt(2), explain: 100 });
    await jetstream(nats).publish("millrace.requests.trees", body, { headers: head });
    for await (const message of answers) expectGolden(message.json(), 2);
  });

  it("name inputs, not the columns that preprocessing makes of them, with the values of the request", async () => {
    const { inputs } = preprocessed.manifest;
    for (const features of people.slice(0, 12)) {
      const { top_features = [], ...prediction } = await predict({
        model: preprocessed.manifest.name,
        features,
        explain: 100,
      });
      assert.deepEqual(prediction.explanation_error, undefined);
      assert.deepEqual(top_features.map(({ name }) => name).sort(), inputs.map(({ name }) => name).sort());
      for (const { name, value } of top_features) {
        const given = features[name] ?? null;
        const isTime = inputs.find((input) => input.name === name)?.type === "timestamp";
        if (isTime)
          assert.equal(new Date(String(value)).getTime(), new Date(given as string | number).getTime());
        else if (typeof given === "number")
          assert.equal(Math.fround(Number(value)), Math.fround(given), name);
        else assert.equal(value, given, name);
      }
      assert.equal(prediction.contribution_unit, "margin");
      const sum = top_features.reduce(
        (all, { contribution }) => all + contribution,
        prediction.base_value ?? 0,
      );
      assert.ok(Math.abs(1 / (1 + Math.exp(-sum)) - prediction.predicted_value) <= 1e-5);
    }
  });

  it("of the sample name amounts and places, and add up to its answer", async () => {
    const { top_features = [], ...prediction } = await predict({
      model: "card-fraud",
      features: PAYMENT,
      explain: 100,
    });
    assert.equal(top_features.length, 11);
    const sum = top_features.reduce(
      (all, { contribution }) => all + contribution,
      prediction.base_value ?? 0,
    );
    assert.ok(Math.abs(1 / (1 + Math.exp(-sum)) - prediction.predicted_value) <= 1e-5);
  });

  it("that cannot be given leave the prediction as it is, and say what to do", async () => {
    const { rows } = readGolden("test/fixtures/bench");
    const features = toFeatures(readModelFolder("test/fixtures/bench").manifest, rows[0] ?? []);
    const answer = await predict({ model: "bench-trees", features, explain: true });
    assert.equal(answer.explanation_error?.code, "MODEL_INVALID");
    assert.match(
      answer.explanation_error.message,
      /push a version whose folder has .*background|background\.json/,
    );
    assert.equal(answer.top_features, undefined);
    const plain = await predict({ model: "bench-trees", features });
    assert.deepEqual(answer.probabilities, plain.probabilities);
  });

  it("are refused for what is no number of features, in an instance, and for more than 100 rows", async () => {
    const refused = async (path: string, body: unknown, status: number): Promise<string | undefined> => {
      const response = await engine.post(path, body);
      assert.equal(response.status, status);
      return checkErrorBody(await response.json()).details[0]?.field;
    };
    const features = featuresAt(0);
    for (const explain of [0, -1, 2.5, "yes", 4097, {}])
      assert.equal(await refused("/predict", { model: "trees", features, explain }, 400), "explain");
    const instances = Array.from({ length: 101 }, () => ({ features }));
    assert.equal(
      await refused("/predict/batch", { model: "trees", explain: true, instances }, 413),
      "explain",
    );
    const response = await engine.post("/predict/batch", {
      model: "trees",
      instances: [{ features, explain: true }],
    });
    const { predictions } = (await response.json()) as { predictions: unknown[] };
    assert.equal(checkErrorBody(predictions[0]).details[0]?.field, "explain");
  });

  it("need a background that the model can read: another one is refused when it is pushed", async () => {
    const pushed = async (background: string): Promise<string> => {
      const files = new Map([...treeModel.files, ["background.json", Buffer.from(background)]]);
      const response = await engine.post("/models", pushBody({ ...treeModel, files }));
      assert.equal(response.status, 422);
      const { message, details } = checkErrorBody(await response.json());
      assert.equal(details[0]?.field, "background.json");
      return message;
    };
    assert.match(await pushed("no"), /not JSON/);
    assert.match(await pushed('{"rows": []}'), /rows/);
    assert.match(
      await pushed('{"rows": [[1, 2, 3, 4, 5, 6], [1, 2]]}'),
      /rows\.1 has 2 numbers, and the model reads 6/,
    );
    assert.match(
      await pushed(JSON.stringify({ rows: Array.from({ length: 101 }, () => [1, 2, 3, 4, 5, 6]) })),
      /at most 100 rows/,
    );
  });

  it("leave their predictions in the log, each once", async () => {
    const { prediction_id } = await predict({ model: "trees", features: featuresAt(0), explain: true });
    let rows: readonly unknown[] = [];
    for (const deadline = Date.now() + 20_000; rows.length === 0 && Date.now() < deadline; )
      rows = await engine.sql("SELECT 1 FROM millrace.predictions WHERE prediction_id = {id: UUID}", {
        id: prediction_id,
      });
    assert.equal(rows.length, 1);
  });
});
