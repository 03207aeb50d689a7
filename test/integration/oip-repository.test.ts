/**
 * Those who run models over the Open Inference Protocol: the repository's index, unloading and loading, as the registry and the
 * other entrances then see it; statistics, and the metrics that follow from them.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { z } from "zod";
import { modelStatistics, repositoryIndex } from "../../engine/contract/oip-repository.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { readModelFolder } from "../support/model-folder.ts";
import { pushBody, withManifest } from "../support/model-requests.ts";
import { parseMetrics, sampleOf } from "../support/prometheus.ts";

const MODEL = "identity-fp32";
const IDENTITY = readModelFolder(`test/fixtures/tensors/${MODEL}`);

describe("models over the Open Inference Protocol", () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startTestEngine({ sample: false });
    for (const version of ["1.0.0", "2.0.0", "3.0.0"]) {
      const pushed = await engine.post("/models", pushBody(withManifest(IDENTITY, { version })));
      assert.equal(pushed.status, 201, await pushed.text());
    }
  });
  after(async () => engine?.[Symbol.asyncDispose]());

  /** With no content-type, as the protocol's clients do it. */
  const post = async (path: string, body: unknown = ""): Promise<Response> => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return fetch(new URL(path, engine.httpUrl), { method: "POST", body: Buffer.from(text) });
  };
  const change = async (action: string, parameters?: Record<string, unknown>): Promise<Response> =>
    post(`/v2/repository/models/${MODEL}/${action}`, parameters === undefined ? "" : { parameters });
  const done = async (action: string, parameters?: Record<string, unknown>): Promise<void> => {
    const response = await change(action, parameters);
    assert.deepEqual([response.status, await response.json()], [200, {}]);
  };
  const refused = async (response: Response, status: number, says: RegExp): Promise<void> => {
    const body = await jsonOf<{ error: string }>(response);
    assert.equal(response.status, status, JSON.stringify(body));
    assert.deepEqual(Object.keys(body), ["error"]);
    assert.match(body.error, says);
  };
  const states = async (body: unknown = ""): Promise<string[]> => {
    const response = await post("/v2/repository/index", body);
    assert.equal(response.status, 200);
    return repositoryIndex
      .parse(await response.json())
      .map(({ name, version, state, reason }) => `${name} ${version} ${state} ${reason}`);
  };
  const statistics = async (path: string): Promise<z.infer<typeof modelStatistics>> => {
    const response = await engine.get(path);
    assert.equal(response.status, 200);
    return modelStatistics.parse(await response.json());
  };
  const infer = async (rows: number, version = ""): Promise<Response> => {
    const data = Array.from({ length: rows * 3 }, (_, index) => index);
    const inputs = [{ name: "x", datatype: "FP32", shape: [rows, 3], data }];
    return engine.post(`/v2/models/${MODEL}${version}/infer`, { inputs });
  };
  const inProduction = async (): Promise<string | undefined> => {
    const response = await infer(1);
    if (response.status === 200) return (await jsonOf<{ model_version: string }>(response)).model_version;
    await refused(response, 404, /there is no model|none of them/);
    return undefined;
  };
  const shown = async (): Promise<{ aliases: Record<string, string>; states: Record<string, string> }> =>
    jsonOf(await engine.get(`/models/${MODEL}`));
  const lastChange = async (): Promise<string[]> =>
    eventually(
      "the change is in the audit log",
      async () => {
        const query = `SELECT action, model_version, alias, state_before, state_after, requested_by
          FROM millrace.audit_log WHERE model_name = {model:String} ORDER BY log_seq DESC LIMIT 1`;
        const [row] = await engine.sql<Record<string, string>>(query, { model: MODEL });
        return row?.["action"] === "withdrawn" ? Object.values(row) : undefined;
      },
      20_000,
    );

  it("list what there is, before anything is loaded", async () => {
    const unloaded = ["1.0.0", "2.0.0", "3.0.0"].map((version) => `${MODEL} ${version} UNAVAILABLE unloaded`);
    assert.deepEqual(await states(), unloaded);
    assert.deepEqual(await states({ ready: true }), []);
    assert.equal(await inProduction(), undefined);
  });

  it("load the newest version, or the one that is asked for, and serve it when that is answered", async () => {
    await done("load");
    assert.equal(await inProduction(), "3.0.0");
    await done("load");
    assert.equal(await inProduction(), "3.0.0");
    await done("load", { version: "2.0.0" });
    assert.equal(await inProduction(), "2.0.0");
    assert.deepEqual(await states({ ready: true }), [`${MODEL} 2.0.0 READY `]);
  });

  it("unload what is in production, which nobody is served by then, and load it again", async () => {
    await done("unload", { unload_dependents: true });
    assert.equal(await inProduction(), undefined);
    const { aliases, states: versions } = await shown();
    assert.deepEqual(aliases, {});
    assert.equal(versions["2.0.0"], "REGISTERED");
    assert.deepEqual(await states({ ready: true }), []);
    assert.equal((await engine.get(`/v2/models/${MODEL}/ready`)).status, 404);
    await errorOf(await engine.post("/predict", { model: MODEL, features: {} }), 404, "MODEL_NOT_FOUND");
    assert.deepEqual(await lastChange(), [
      "withdrawn",
      "2.0.0",
      "production",
      "PRODUCTION",
      "REGISTERED",
      "open inference protocol",
    ]);
    await done("unload");
    await done("load");
    assert.equal(await inProduction(), "2.0.0");
  });

  it("are rolled back to what was unloaded, and to what was there before", async () => {
    await done("unload");
    for (const version of ["2.0.0", "3.0.0"]) {
      assert.equal((await engine.post(`/models/${MODEL}/rollback`, {})).status, 200);
      assert.deepEqual((await shown()).aliases, { production: version });
    }
    await eventually("3.0.0 is served", async () => (await inProduction()) === "3.0.0");
  });

  it("stay served by other aliases", async () => {
    await engine.post(`/models/${MODEL}/promote`, { version: "1.0.0", alias: "staging" });
    await done("unload");
    assert.equal(await inProduction(), undefined);
    assert.equal((await infer(1, "/versions/staging")).status, 200);
    assert.deepEqual(await states({ ready: true }), [`${MODEL} 1.0.0 READY `]);
    await done("load");
    assert.equal(await inProduction(), "3.0.0");
  });

  it("are not unloaded while a canary runs", async () => {
    const steps = [{ share: 0.1, duration: "1h" }];
    const deployed = await engine.post(`/api/v1/models/deploy/${MODEL}@2.0.0`, { strategy: "canary", steps });
    assert.equal(deployed.status, 200, await deployed.text());
    await refused(await change("unload"), 409, /a canary of version 2\.0\.0 is under way/);
    await engine.post(`/models/${MODEL}/rollback`, {});
    assert.equal(await inProduction(), "3.0.0");
  });

  it("are refused what is not theirs to do, with the remedy", async () => {
    await refused(await change("load", { config: "{}" }), 400, /parameters\.config: .*POST \/models/);
    await refused(await change("load", { "file:1/model.onnx": "AA==" }), 400, /POST \/models/);
    await refused(await change("load", { version: 2 }), 400, /parameters\.version/);
    await refused(await change("load", { version: "9.0.0" }), 404, /9\.0\.0/);
    await refused(await change("load", { speed: 1 }), 400, /parameters\.speed/);
    await refused(await change("unload", { version: "3.0.0" }), 400, /parameters\.version/);
    for (const action of ["load", "unload"])
      await refused(await post(`/v2/repository/models/nobody/${action}`), 404, /no model nobody/);
    await refused(await post("/v2/repository/index", "{"), 400, /not JSON/);
    await refused(await post("/v2/repository/index", { ready: "yes" }), 400, /ready/);
    await refused(await engine.get("/v2/models/nobody/stats"), 404, /nobody/);
    const foreign = await fetch(new URL(`/v2/repository/models/${MODEL}/unload`, engine.httpUrl), {
      method: "POST",
      headers: { origin: "http://elsewhere.example" },
    });
    await refused(foreign, 403, /another site/);
  });

  it("are counted: requests, rows and batches, failures too", async () => {
    await done("unload");
    await eventually("3.0.0 is unloaded", async () => {
      const { model_stats: all } = await statistics("/v2/models/stats");
      return all.every(({ version }) => version !== "3.0.0");
    });
    await done("load"); // counts begin anew
    for (const rows of [1, 5, 5]) assert.equal((await infer(rows)).status, 200);
    const wrong = { inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], data: [1, 2] }] };
    assert.equal((await engine.post(`/v2/models/${MODEL}/infer`, wrong)).status, 400);
    const { model_stats: stats } = await statistics(`/v2/models/${MODEL}/versions/3.0.0/stats`);
    const [statistic] = stats;
    assert.ok(statistic !== undefined && stats.length === 1);
    assert.deepEqual([statistic.inference_count, statistic.execution_count], [11, 3]);
    const { success, fail, queue, compute_infer } = statistic.inference_stats;
    assert.deepEqual([success.count, fail.count, queue.count, compute_infer.count], [3, 1, 3, 3]);
    assert.ok(success.ns > compute_infer.ns && compute_infer.ns > 0);
    assert.deepEqual(
      statistic.batch_stats.map(({ batch_size, compute_infer: { count } }) => [batch_size, count]),
      [
        [1, 1],
        [5, 2],
      ],
    );
    assert.ok(Math.abs(statistic.last_inference - Date.now()) < 60_000);
    const samples = parseMetrics(await (await engine.get("/metrics")).text());
    const labels = { model: MODEL, version: "3.0.0" };
    assert.equal(sampleOf(samples, "nv_inference_request_success", labels), 3);
    assert.equal(sampleOf(samples, "nv_inference_count", labels), 11);
    assert.equal(sampleOf(samples, "nv_inference_exec_count", labels), 3);
    assert.equal(sampleOf(samples, "nv_inference_request_failure", { ...labels, reason: "OTHER" }), 1);
    assert.equal(sampleOf(samples, "nv_inference_pending_request_count", labels), 0);
  });
});
