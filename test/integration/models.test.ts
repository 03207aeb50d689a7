/**
 * The life of a model version in a whole engine: pushed, checked, promoted, rolled back and archived, over REST and by
 * the command line; and what each kind of model answers.
 */
import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect } from "@nats-io/transport-node";
import type { ErrorCode } from "../../engine/core/errors.ts";
import { openModelRegistry } from "../../storage/model-registry.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { checkPrediction, PAYMENT } from "../support/card-fraud.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { PROJECT, readModelFolder } from "../support/model-folder.ts";
import { checkGolden, pushBody, untilServed, withManifest } from "../support/model-requests.ts";
import { openRaw } from "../support/raw-http.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

const SAMPLE = readModelFolder("engine/sample/card-fraud");
const fixture = (name: string): ModelArtifact => readModelFolder(`test/fixtures/${name}`);

interface State {
  readonly name: string;
  readonly aliases: Record<string, string>;
  readonly versions: string[];
  readonly archived: string[];
  readonly problems?: Record<string, string>;
}

describe("models", () => {
  let engine: TestEngine;
  let folder: TempFolder;
  before(async () => {
    folder = await createTempFolder();
    engine = await startTestEngine({ env: { MILLRACE_WORKERS: "2" } });
  });
  after(async () => {
    await engine?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const push = async (artifact: ModelArtifact, alias?: string): Promise<Response> =>
    engine.post("/models", pushBody(artifact, alias));
  const change = async (name: string, verb: string, body: unknown): Promise<State> => {
    const response = await engine.post(`/models/${name}/${verb}`, body);
    assert.equal(response.status, 200);
    return jsonOf<State>(response);
  };
  const refused = async (artifact: ModelArtifact, field: string, says: RegExp): Promise<void> => {
    const error = await errorOf(await push(artifact), 422, "MODEL_INVALID");
    assert.match(`${error.message} ${JSON.stringify(error.details)}`, says);
    assert.ok(
      error.message.includes(field) || error.details.some((detail) => detail.field === field),
      `${field} is named in ${JSON.stringify(error)}`,
    );
  };
  const cli = async (...args: string[]): Promise<CliResult> =>
    runCli(["models", ...args, "--url", engine.httpUrl]);
  /** A copy of the sample's folder with another version in its manifest. */
  const sampleFolder = async (version: string): Promise<string> => {
    const path = join(folder.path, version);
    await cp(join(PROJECT, "engine/sample/card-fraud"), path, { recursive: true });
    const manifest = await readFile(join(path, "model.json"), "utf8");
    await writeFile(join(path, "model.json"), manifest.replace('"1.0.0"', `"${version}"`));
    return path;
  };

  for (const name of [
    "multiclass",
    "regression",
    "columns",
    "typed",
    "tfjs-layers",
    "tfjs-graph",
    "tfjs-columns",
  ]) {
    it(`serves ${name} and predicts its golden values`, async () => {
      const artifact = fixture(name);
      const response = await push(artifact, "production");
      assert.equal(response.status, 201, await response.clone().text());
      await untilServed(engine, artifact.manifest.name, artifact.manifest.version);
      await checkGolden(engine, `test/fixtures/${name}`, artifact.manifest);
    });
  }

  it("needs the model's name once more than one is in production", async () => {
    const error = await errorOf(await engine.post("/predict", { features: PAYMENT }), 400, "INVALID_REQUEST");
    assert.equal(error.details[0]?.field, "model");
    assert.match(error.message, /card-fraud/);
  });

  it("stores a version once: the same again is the same, another content a conflict", async () => {
    const artifact = withManifest(fixture("regression"), { version: "2.0.0" });
    const first = await push(artifact);
    assert.equal(first.status, 201);
    const again = await push(artifact);
    assert.equal(again.status, 201);
    assert.deepEqual(await jsonOf(again), await jsonOf(first));
    const other = withManifest(artifact, { description: "another" });
    const error = await errorOf(await push(other), 409, "CONFLICT");
    assert.match(error.message, /regression.*2\.0\.0/);
  });

  it("promotes, rolls back and archives over REST", async () => {
    for (const version of ["3.0.0", "3.1.0"])
      assert.equal((await push(withManifest(fixture("regression"), { version }))).status, 201);
    const promoted = await change("regression", "promote", { version: "3.0.0" });
    assert.equal(promoted.aliases["production"], "3.0.0");
    await untilServed(engine, "regression", "3.0.0");
    await change("regression", "promote", { version: "3.1.0", alias: "candidate" });
    await eventually("the alias answers", async () => {
      const response = await engine.get("/model/info?model=regression&version=candidate");
      return ((await response.json()) as { version?: string }).version === "3.1.0";
    });
    await change("regression", "promote", { version: "3.1.0" });
    await untilServed(engine, "regression", "3.1.0");
    const back = await change("regression", "rollback", {});
    assert.equal(back.aliases["production"], "3.0.0");
    await untilServed(engine, "regression", "3.0.0");
    const refuse = async (verb: string, body: unknown, status: number, code: ErrorCode): Promise<unknown> =>
      errorOf(await engine.post(`/models/regression/${verb}`, body), status, code);
    await refuse("archive", { version: "3.0.0" }, 409, "CONFLICT");
    await refuse("promote", { version: "9.0.0" }, 404, "MODEL_NOT_FOUND");
    await refuse("rollback", { alias: "nobody" }, 409, "CONFLICT");
    assert.deepEqual((await change("regression", "archive", { version: "2.0.0" })).archived, ["2.0.0"]);
    await refuse("promote", { version: "2.0.0" }, 409, "CONFLICT");
  });

  it("does all that from the command line too", async () => {
    const pushed = await cli("push", await sampleFolder("1.1.0"), "--promote");
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.match(pushed.stdout, /^pushed card-fraud 1\.1\.0 /);
    await untilServed(engine, "card-fraud", "1.1.0");
    const prediction = await engine.post("/predict", { model: "card-fraud", features: PAYMENT });
    assert.equal(checkPrediction(await prediction.json()).model_version, "1.1.0");
    const stored = await cli("push", await sampleFolder("1.2.0"));
    assert.match(stored.stdout, /millrace models promote card-fraud 1\.2\.0/);
    assert.match((await cli("promote", "card-fraud", "1.2.0")).stdout, /1\.2\.0 +production/);
    assert.match((await cli("rollback", "card-fraud")).stdout, /1\.1\.0 +production/);
    await untilServed(engine, "card-fraud", "1.1.0");
    assert.match((await cli("archive", "card-fraud", "1.2.0")).stdout, /1\.2\.0 +archived/);
    const listed = JSON.parse((await cli("list", "--json")).stdout) as State[];
    assert.deepEqual(listed.find(({ name }) => name === "card-fraud")?.versions, ["1.0.0", "1.1.0", "1.2.0"]);
    assert.match((await cli("list")).stdout, /^card-fraud$/m);
    assert.match((await cli("show", "card-fraud")).stdout, /"digest": "[0-9a-f]{64}"/);
  });

  it("says on the command line what went wrong, in one line, and exits with 1", async () => {
    for (const [args, says] of [
      [["promote", "card-fraud", "9.9.9"], /^millrace: .*card-fraud@9\.9\.9/],
      [["show", "unheard-of"], /^millrace: .*unheard-of/],
      [["push", join(folder.path, "nowhere")], /is not a folder/],
      [["push", join(PROJECT, "test/fixtures/zipmap")], /zipmap=False/],
      [["push", join(PROJECT, "test/fixtures/refused/external-data")], /model\.onnx.*outside the file/],
    ] as const) {
      const { code, stderr } = await cli(...args);
      assert.equal(code, 1, stderr);
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /\n +at /);
    }
    const unreachable = await runCli(["models", "list", "--url", "http://127.0.0.1:9"]);
    assert.equal(unreachable.code, 1);
    assert.match(unreachable.stderr, /^millrace: no engine answers at http:\/\/127\.0\.0\.1:9/);
    for (const url of ["nonsense", engine.clickhouseUrl]) {
      const { code, stderr } = await runCli(["models", "list", "--url", url]);
      assert.equal(code, 1);
      assert.match(stderr, /^millrace: .*--url/, stderr);
    }
  });

  it("refuses models that cannot work, naming the file or field", async () => {
    const multiclass = fixture("multiclass");
    const bytes = multiclass.files.get("model.onnx") as Uint8Array;
    const file = (content: Uint8Array, path = "model.onnx"): ModelArtifact => ({
      manifest: multiclass.manifest,
      files: new Map([[path, content]]),
    });
    const before = await jsonOf<{ models: State[] }>(await engine.get("/models"));
    await refused(file(bytes.subarray(0, bytes.length - 1_000)), "model.onnx", /cut off|end is missing/);
    await refused(file(new Uint8Array(0)), "model.onnx", /empty/);
    await refused(file(Buffer.from("PK\u0003\u0004 archive")), "model.onnx", /zip/);
    await refused(file(bytes, "other.onnx"), "model.onnx", /missing/);
    await refused(file(bytes, "../model.onnx"), "model.onnx", /missing|name/);
    await refused(withManifest(multiclass, { runtime: "tfjs" }), "tfjs/model.json", /missing/);
    await refused(withManifest(multiclass, { input_tensor: "input" }), "input_tensor", /no input "input"/);
    await refused(withManifest(multiclass, { classes: ["a", "b"] }), "classes", /2 classes/);
    await refused(
      withManifest(multiclass, { inputs: multiclass.manifest.inputs.slice(1) }),
      "inputs",
      /3 inputs/,
    );
    await refused(
      withManifest(multiclass, { outputs: [{ name: "scores", type: "probabilities" }] }),
      "outputs.0.name",
      /no output "scores"/,
    );
    await refused(fixture("zipmap"), "outputs.0.name", /zipmap=False/);
    await refused(fixture("refused/external-data"), "model.onnx", /outside the file/);
    await refused(fixture("refused/custom-domain"), "model.onnx", /com\.example/);
    await refused(fixture("refused/not-a-number"), "outputs.0.name", /NaN/);
    const manifest = { ...multiclass.manifest, name: "Bad Name", threshold: 0.5 };
    const error = await errorOf(await engine.post("/models", { manifest, files: {} }), 422, "MODEL_INVALID");
    assert.ok(error.details.some(({ field }) => field === "name"));
    assert.deepEqual(await jsonOf(await engine.get("/models")), before, "nothing was stored");
  });

  it("takes one push at a time, and frees the place when its client goes or is answered", async () => {
    const tryPush = async (): Promise<Response> => engine.post("/models", { manifest: {}, files: {} });
    const { host } = new URL(engine.httpUrl);
    const head = `POST /models HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n`;
    using slow = await openRaw(engine.httpUrl);
    slow.socket.write(`${head}content-length: 1000\r\n\r\n{"manifest":`);
    const busy = await eventually("the place is taken", async () => {
      const response = await tryPush();
      return response.status === 429 && response;
    });
    assert.equal(busy.headers.get("retry-after"), "1");
    assert.match((await errorOf(busy, 429, "BUSY")).message, /another model is being pushed/);
    assert.equal((await engine.get("/models")).status, 200);
    slow.socket.destroy();
    await eventually("the place is free", async () => (await tryPush()).status === 422);
    for (let turn = 0; turn < 2; turn++) await errorOf(await tryPush(), 422, "MODEL_INVALID");
    const artifact = withManifest(fixture("regression"), { version: "4.0.0" });
    const answers = await Promise.all([push(artifact), push(artifact), push(artifact)]);
    const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
    assert.equal(statuses[0], 201);
    assert.ok(statuses.every((status) => status === 201 || status === 429));
  });

  it("keeps the good version while a broken one stands in the registry, and says so", async () => {
    // Past the engine's own check, as an older or another program could.
    const nats = await connect({ servers: engine.natsUrl });
    const registry = await openModelRegistry(nats);
    const bytes = SAMPLE.files.get("model.onnx")?.subarray(0, 5_000) ?? new Uint8Array();
    const broken = withManifest(SAMPLE, { version: "1.3.0" });
    await registry.push({ manifest: broken.manifest, files: new Map([["model.onnx", bytes]]) });
    await registry.promote("card-fraud", "1.3.0");
    await nats.close();
    const state = async (): Promise<State | undefined> =>
      (await jsonOf<{ models: State[] }>(await engine.get("/models"))).models.find(
        ({ name }) => name === "card-fraud",
      );
    const problem = await eventually(
      "the problem is shown",
      async () => (await state())?.problems?.["1.3.0"],
      15_000,
    );
    assert.match(problem, /model\.onnx/);
    assert.match((await cli("list")).stdout, /1\.3\.0 .*NOT SERVED: /);
    assert.equal((await engine.get("/ready")).status, 200);
    const answer = await engine.post("/predict", { model: "card-fraud", features: PAYMENT });
    assert.equal(checkPrediction(await answer.json()).model_version, "1.1.0");
    await change("card-fraud", "rollback", {});
    await eventually("the problem is gone", async () => (await state())?.problems?.["1.3.0"] === undefined);
  });
});
