/**
 * The client against a whole engine: every method is answered, and as its type says (the contract's schemas check each answer).
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { z } from "zod";
import { type InferInput, type TensorArrays } from "../../engine/client/infer-tensors.ts";
import { MillraceClient, MillraceError } from "../../engine/client/millrace-client.ts";
import { alertsAnswer } from "../../engine/contract/alerts.ts";
import {
  entityFeaturesAnswer,
  featureSetsAnswer,
  onlineFeaturesAnswer,
} from "../../engine/contract/features.ts";
import { labelCountsAnswer, labelsAnswer } from "../../engine/contract/labels.ts";
import * as models from "../../engine/contract/models.ts";
import { modelStatistics, repositoryIndex } from "../../engine/contract/oip-repository.ts";
import { modelMetadata, serverMetadata } from "../../engine/contract/open-inference.ts";
import { overviewAnswer } from "../../engine/contract/overview.ts";
import { performanceAnswer } from "../../engine/contract/performance.ts";
import { prediction } from "../../engine/contract/predictions.ts";
import { latencyAnswer, slaAnswer } from "../../engine/contract/service.ts";
import { healthAnswer } from "../../engine/contract/status.ts";
import { jobAnswer, jobsAnswer } from "../../engine/contract/training.ts";
import type { ErrorCode } from "../../engine/core/errors.ts";
import type { Datatype } from "../../engine/core/tensor.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { readModelFolder } from "../support/model-folder.ts";
import { untilServed } from "../support/model-requests.ts";

const MODEL = "card-fraud";
const NO_ID = "00000000-0000-4000-8000-000000000000";

/** Checks the answer by the schema of its type, strictly. */
async function checked<T>(schema: z.ZodType<T>, answer: Promise<T>): Promise<T> {
  return schema.parse(await answer);
}

async function refused(call: Promise<unknown>, code: ErrorCode | undefined, status: number): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof MillraceError, String(error));
    assert.deepEqual([error.code, error.status], [code, status], error.message);
    return true;
  });
}

describe("the client of a whole engine", () => {
  let engine: TestEngine;
  let client: MillraceClient;
  before(async () => {
    engine = await startTestEngine();
    client = new MillraceClient({ url: engine.httpUrl });
  });
  after(async () => {
    client?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  async function push(folder: string, change: { name?: string; version?: string } = {}): Promise<void> {
    const { manifest, files } = readModelFolder(folder);
    const encoded = [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString("base64")] as const);
    const request = { manifest: { ...manifest, ...change }, files: Object.fromEntries(encoded) };
    await checked(models.versionAnswer, client.models.push(request));
  }

  it("asks how it is", async () => {
    await checked(healthAnswer, client.health());
    assert.equal((await checked(healthAnswer, client.ready())).ready, true);
  });

  it("predicts one row, explains it, and many rows", async () => {
    const one = await checked(prediction, client.predict({ model: MODEL, features: PAYMENT }));
    assert.equal(one.model_name, MODEL);
    const explained = await client.predict({ model: MODEL, features: PAYMENT, explain: 3 });
    assert.equal(explained.top_features?.length, 3);
    const [good, bad] = await client.predictBatch({
      model: MODEL,
      instances: [{ features: PAYMENT }, { features: { ...PAYMENT, amount: -1 } }],
    });
    assert.ok(good !== undefined && "predicted_value" in good);
    assert.ok(bad !== undefined && "error" in bad && bad.error.code === "INVALID_FEATURES");
    await refused(client.predict({ model: "nobody", features: PAYMENT }), "MODEL_NOT_FOUND", 404);
    await refused(
      client.predict({ model: MODEL, features: { ...PAYMENT, amount: -1 } }),
      "INVALID_FEATURES",
      400,
    );
  });

  it("gathers a thousand rows into batches, each with its own result", async () => {
    const batcher = client.batcher(MODEL);
    const rows = Array.from({ length: 1_000 }, (_, index) =>
      batcher.predict({
        request_id: `row-${index}`,
        features: { ...PAYMENT, amount: index === 500 ? -1 : index },
      }),
    );
    const settled = await Promise.allSettled(rows);
    settled.forEach((result, index) => {
      if (index === 500) assert.equal((result as { reason: MillraceError }).reason.code, "INVALID_FEATURES");
      else assert.equal(result.status === "fulfilled" && result.value.request_id, `row-${index}`);
    });
  });

  it("keeps the registry", async () => {
    await push("engine/sample/card-fraud", { version: "1.1.0" });
    await checked(models.modelsAnswer, client.models.list());
    assert.equal((await checked(models.modelDetailsAnswer, client.models.show(MODEL))).records.length, 2);
    await checked(models.modelInfoAnswer, client.models.info(MODEL));
    assert.match(String((await client.models.schema(MODEL, "1.0.0"))["$schema"]), /json-schema/);
    assert.equal(
      (await checked(models.artifactsAnswer, client.models.artifacts(MODEL, "1.1.0"))).model_version,
      "1.1.0",
    );
    const staged = await client.models.deploy(MODEL, "1.1.0", { strategy: "staging", reason: "a test" });
    assert.equal(staged.aliases["staging"], "1.1.0");
    const promoted = await checked(models.modelAnswer, client.models.promote(MODEL, { version: "1.1.0" }));
    assert.equal(promoted.aliases["production"], "1.1.0");
    const back = await checked(models.modelAnswer, client.models.rollback(MODEL));
    assert.equal(back.aliases["production"], "1.0.0");
    await push("engine/sample/card-fraud", { version: "1.2.0" });
    const deprecated = await client.models.deprecate(MODEL, { version: "1.2.0" });
    assert.deepEqual(deprecated.deprecated, ["1.2.0"]);
    const archived = await client.models.archive(MODEL, { version: "1.2.0" });
    assert.deepEqual(archived.archived, ["1.2.0"]);
    await refused(client.models.archive(MODEL, { version: "1.0.0" }), "CONFLICT", 409);
    await refused(client.models.show("nobody"), "MODEL_NOT_FOUND", 404);
    await untilServed(engine, MODEL, "1.0.0");
  });

  it("tells labels, and asks how the model does", async () => {
    const request_id = "labelled-by-the-client";
    await client.predict({ model: MODEL, request_id, features: PAYMENT });
    const labels = { model_name: MODEL, labels: [{ request_id, label: "fraud" }] };
    assert.equal((await checked(labelsAnswer, client.sendLabels(labels))).accepted, 1);
    await checked(labelCountsAnswer, client.monitoring.labels(MODEL, { hours: 24 }));
    await checked(overviewAnswer, client.monitoring.overview(MODEL));
    await checked(performanceAnswer, client.monitoring.performance(MODEL, { metric: "roc_auc" }));
    assert.equal(
      (await checked(latencyAnswer, client.monitoring.latency(MODEL, { step: "minute" }))).step,
      "minute",
    );
    await checked(slaAnswer, client.monitoring.sla(MODEL));
    await refused(client.monitoring.drift(MODEL, { window: "1h" }), "CONFLICT", 409); // it has no reference
    await refused(client.monitoring.latency(MODEL, { from: "yesterday" }), "INVALID_REQUEST", 400);
  });

  it("asks for alerts", async () => {
    await checked(alertsAnswer, client.alerts.list({ state: "raised" }));
    await refused(client.alerts.changes(NO_ID), "ALERT_NOT_FOUND", 404);
    await refused(client.alerts.acknowledge(NO_ID, { by: "me" }), "ALERT_NOT_FOUND", 404);
    await refused(client.alerts.resolve(NO_ID), "ALERT_NOT_FOUND", 404);
  });

  it("asks for features", async () => {
    await checked(featureSetsAnswer, client.features.sets());
    const many = await checked(
      onlineFeaturesAnswer,
      client.features.online({ feature_set: "card", entities: ["a", "b"] }),
    );
    assert.deepEqual(
      many.results.map(({ entity_id }) => entity_id),
      ["a", "b"],
    );
    assert.equal(
      (await checked(entityFeaturesAnswer, client.features.entity("card@1.0.0", "a/b"))).entity_id,
      "a/b",
    );
    await refused(client.features.entity("nothing", "a"), "FEATURE_SET_NOT_FOUND", 404);
  });

  it("starts a training job, watches it and calls it off", async () => {
    const started = await checked(jobAnswer, client.training.start({ model_name: MODEL, reason: "a test" }));
    await checked(jobsAnswer, client.training.active());
    await checked(jobAnswer, client.training.status(started.job_id));
    // too few labels: it may have failed by now
    await client.training.cancel(started.job_id, { reason: "enough" }).catch((error: MillraceError) => {
      assert.equal(error.code, "CONFLICT");
    });
    const ended = await eventually(
      "it has ended",
      async () => {
        const { jobs } = await checked(jobsAnswer, client.training.ended({ model: MODEL, limit: 5 }));
        return jobs.find(({ job_id }) => job_id === started.job_id);
      },
      60_000,
    );
    assert.match(ended.status, /^(CANCELLED|FAILED)$/);
    await refused(client.training.status(NO_ID), "JOB_NOT_FOUND", 404);
  });

  it("asks what there is over the Open Inference Protocol", async () => {
    assert.equal((await checked(serverMetadata, client.serverMetadata())).name, "millrace");
    assert.equal((await checked(modelMetadata, client.modelMetadata(MODEL, "1.0.0"))).name, MODEL);
    assert.equal(await client.modelReady(MODEL), true);
    assert.equal(await client.modelReady("nobody"), false);
    await refused(client.modelMetadata("nobody"), undefined, 404);
  });

  it("keeps the protocol's repository, and asks for statistics", async () => {
    const entry = { name: MODEL, version: "1.0.0", state: "READY", reason: "" };
    const ready = await checked(repositoryIndex, client.repository.index({ ready: true }));
    assert.deepEqual(ready, [entry, { ...entry, version: "1.1.0" }]); // 1.1.0 is staging
    assert.equal(
      (await client.repository.index()).find(({ version }) => version === "1.2.0")?.state,
      "UNAVAILABLE",
    );
    await client.repository.load(MODEL, "1.1.0");
    await untilServed(engine, MODEL, "1.1.0");
    await client.repository.unload(MODEL);
    await eventually("it is gone", async () => !(await client.modelReady(MODEL)));
    await client.repository.load(MODEL, "1.0.0");
    await untilServed(engine, MODEL, "1.0.0");
    const model_stats = await client.repository.statistics(MODEL);
    await checked(modelStatistics, Promise.resolve({ model_stats: [...model_stats] }));
    assert.equal(model_stats[0]?.name, MODEL);
    assert.ok((await client.repository.statistics()).length >= model_stats.length);
    await refused(client.repository.load("nobody"), undefined, 404);
  });

  it("infers from tensors of features, and gets what /predict says", async () => {
    const { inputs } = await client.modelMetadata(MODEL);
    const one = await client.predict({ model: MODEL, features: PAYMENT });
    const wordy: readonly string[] = ["merchant_category", "country"];
    const tensors = Object.entries(PAYMENT).map(([name, value]): InferInput => {
      const { datatype = "FP32" } = inputs.find((input) => input.name === name) ?? {};
      const data = wordy.includes(name) ? [String(value)] : [Number(value)];
      return { name, datatype: wordy.includes(name) ? "BYTES" : datatype, shape: [1], data };
    });
    const result = await client.infer(MODEL, { id: "request-1", inputs: tensors });
    assert.equal(result.id, "request-1");
    const probabilities = result.data("probabilities", "FP32");
    assert.ok(Math.abs((probabilities[1] ?? 0) - one.predicted_value) < 1e-6);
    await refused(client.infer(MODEL, { inputs: tensors.slice(1) }), undefined, 400);
  });

  const SAMPLES: { readonly [D in Datatype]: TensorArrays[D] } = {
    BOOL: Uint8Array.of(1, 0, 1),
    UINT8: Uint8Array.of(0, 7, 255),
    UINT16: Uint16Array.of(0, 7, 65_535),
    UINT32: Uint32Array.of(0, 7, 2 ** 32 - 1),
    UINT64: BigUint64Array.of(0n, 7n, 2n ** 64n - 1n),
    INT8: Int8Array.of(-128, 0, 127),
    INT16: Int16Array.of(-32_768, 0, 1),
    INT32: Int32Array.of(-(2 ** 31), 0, 1),
    INT64: BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 53n + 1n),
    FP16: Float32Array.of(1.5, -65_504, 0),
    FP32: Float32Array.of(1.5, Number.NaN, -Infinity),
    FP64: Float64Array.of(0.1, -0, 1e300),
    BYTES: ["", "häß", "a b"],
  };
  for (const datatype of Object.keys(SAMPLES) as Datatype[]) {
    it(`infers from ${datatype}, there and back`, async () => {
      const name = `identity-${datatype.toLowerCase()}`;
      await push(`test/fixtures/tensors/${name}`);
      await client.models.promote(name, { version: "1.0.0" });
      await eventually("it is served", async () => client.modelReady(name, "1.0.0"), 20_000);
      const { inputs } = await client.modelMetadata(name);
      const shape = [inputs[0]?.shape.length === 1 ? 3 : 1, ...(inputs[0]?.shape.slice(1) ?? [])];
      const data = SAMPLES[datatype];
      const result = await client.infer(name, {
        version: "production",
        inputs: [{ name: "x", datatype, shape, data }],
        outputs: ["y"],
      });
      assert.deepEqual(result.data("y", datatype), data);
    });
  }
});
