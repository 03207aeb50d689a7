/**
 * Feature sets in a whole engine: applied, listed, shown and archived, over REST and by the command line.
 */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { ModelManifest } from "../../engine/core/manifest.ts";
import type { FeatureSetDetails, FeatureSetState } from "../../storage/feature-registry.ts";
import type { FeatureSetRecord } from "../../storage/feature-set-record.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { accountSet } from "../support/feature-sets.ts";
import { pushBody, withManifest } from "../support/model-requests.ts";
import { slowModel } from "../support/slow-model.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

describe("feature sets", () => {
  let engine: TestEngine;
  let folder: TempFolder;
  before(async () => {
    folder = await createTempFolder();
    engine = await startTestEngine({ sample: false });
  });
  after(async () => {
    await engine?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const apply = async (set: unknown): Promise<Response> => engine.post("/feature-sets", set);
  const cli = async (...args: string[]): Promise<CliResult> =>
    runCli(["features", ...args, "--url", engine.httpUrl]);
  const file = async (path: string, content: unknown): Promise<string> => {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    await writeFile(join(folder.path, path), text);
    return join(folder.path, path);
  };

  const untilFilled = async (): Promise<void> => {
    await eventually(
      "all sets are filled from history",
      async () => !(await (await engine.get("/feature-sets")).text()).includes("backfilling"),
      20_000,
    );
  };

  it("are none at first", async () => {
    assert.deepEqual(await jsonOf(await engine.get("/feature-sets")), { feature_sets: [] });
    assert.match((await cli("list")).stdout, /^no feature sets yet: millrace features apply/);
  });

  it("are applied with 201, and with 200 when they are there already", async () => {
    const first = await apply(accountSet());
    assert.equal(first.status, 201, await first.clone().text());
    const record = await jsonOf<FeatureSetRecord>(first);
    assert.equal(record.set.version, "1.0.0");
    assert.equal(record.applied_seq, 0);
    const again = await apply(accountSet());
    assert.equal(again.status, 200);
    assert.deepEqual(await jsonOf(again), record);
    const error = await errorOf(await apply(accountSet({ description: "x" })), 409, "CONFLICT");
    assert.match(error.message, /account@1\.0\.0 exists with other content/);
  });

  it("tell after which event they were applied", async () => {
    const nats = await connect({ servers: engine.natsUrl });
    const stream = jetstream(nats);
    for (let seq = 1; seq <= 3; seq++) await stream.publish("millrace.features.account", "{}");
    await nats.close();
    const record = await jsonOf<FeatureSetRecord>(await apply(accountSet({ version: "1.1.0" })));
    assert.equal(record.applied_seq, 3);
    assert.ok(record.applied_epoch > 1.7e12 && record.applied_epoch <= Date.now());
    assert.ok(Math.abs(Date.parse(record.applied_date) - Date.now()) < 60_000);
  });

  it("are listed, shown and archived", async () => {
    const state: FeatureSetState = { name: "account", versions: ["1.0.0", "1.1.0"], archived: [] };
    await untilFilled();
    assert.deepEqual(await jsonOf(await engine.get("/feature-sets")), { feature_sets: [state] });
    const { records, ...shown } = await jsonOf<FeatureSetDetails>(await engine.get("/feature-sets/account"));
    assert.deepEqual(shown, state);
    assert.deepEqual(
      records.map(({ set }) => set.version),
      state.versions,
    );
    const archived = await engine.post("/feature-sets/account/archive", { version: "1.0.0" });
    assert.equal(archived.status, 200);
    assert.deepEqual(await jsonOf(archived), { ...state, archived: ["1.0.0"] });
    assert.match((await errorOf(await apply(accountSet()), 409, "CONFLICT")).message, /is archived/);
  });

  it("are not archived while a model that is served takes features of them", async () => {
    const version = "1.2.0";
    await apply(accountSet({ version }));
    const model = slowModel("spender");
    const [steps] = model.manifest.inputs;
    const feature = { set: "account", version, name: "amount_sum_1h" };
    const inputs = [{ ...steps, feature }] as ModelManifest["inputs"];
    await engine.post("/models", pushBody(withManifest(model, { inputs }), "production"));
    const archive = async (): Promise<Response> => engine.post("/feature-sets/account/archive", { version });
    const { message } = await errorOf(await archive(), 409, "CONFLICT");
    assert.match(message, /account@1\.2\.0 fills inputs of spender@1\.0\.0/);
    await engine.post("/models", pushBody(withManifest(model, { version: "1.1.0" }), "production"));
    assert.equal((await archive()).status, 200);
  });

  it("are refused with the field that is wrong", async () => {
    const features = [{ name: "n", kind: "online", ttl: "soon" }];
    const invalid = await apply(accountSet({ version: "3.0.0", features }));
    const { details } = await errorOf(invalid, 422, "FEATURE_SET_INVALID");
    assert.equal(details[0]?.field, "features.0.ttl");
    await errorOf(await apply("{"), 400, "INVALID_JSON");
    await errorOf(await apply(""), 422, "FEATURE_SET_INVALID");
    const other = accountSet({ name: "risk", entity: { type: "account", key: "id" } });
    assert.equal((await errorOf(await apply(other), 409, "CONFLICT")).details[0]?.field, "entity.key");
    await errorOf(await apply(" ".repeat(9 * 1024 * 1024)), 413, "PAYLOAD_TOO_LARGE");
    const form = await engine.post("/feature-sets", accountSet(), { "content-type": "text/plain" });
    await errorOf(form, 415, "UNSUPPORTED_MEDIA_TYPE");
  });

  it("that are not there are 404, and other methods 405", async () => {
    for (const name of ["nobody", "Bad.name", "%zz", "%00"])
      await errorOf(await engine.get(`/feature-sets/${name}`), 404, "FEATURE_SET_NOT_FOUND");
    const archive = async (name: string, body: unknown) => engine.post(`/feature-sets/${name}/archive`, body);
    await errorOf(await archive("nobody", { version: "1.0.0" }), 404, "FEATURE_SET_NOT_FOUND");
    await errorOf(await archive("account", { version: "9.0.0" }), 404, "FEATURE_SET_NOT_FOUND");
    await errorOf(await archive("account", {}), 400, "INVALID_REQUEST");
    await errorOf(await archive("account", { version: "1.0.0", force: true }), 400, "INVALID_REQUEST");
    await errorOf(await engine.post("/feature-sets/account", {}), 405, "METHOD_NOT_ALLOWED");
  });

  it("are applied, listed, shown and archived by the command line", async () => {
    await mkdir(join(folder.path, "sets"));
    const path = await file("sets/feature-set.json", accountSet({ version: "2.0.0" }));
    const merchant = accountSet({ name: "merchant", entity: { type: "merchant", key: "merchant_id" } });
    await file("sets/merchant.feature-set.json", merchant);
    await file("sets/other.json", "no definition");
    const applied = await cli("apply", join(folder.path, "sets"));
    assert.deepEqual([applied.code, applied.stderr], [0, ""]);
    assert.equal(applied.stdout, "applied account@2.0.0\napplied merchant@1.0.0\n");
    assert.equal((await cli("apply", path)).stdout, "applied account@2.0.0\n");
    assert.match(
      (await cli("archive", "account", "1.1.0")).stdout,
      /^account\n {2}1\.0\.0 +archived\n {2}1\.1\.0 +archived\n {2}1\.2\.0 +archived\n/,
    );
    await untilFilled();
    const listed = (await cli("list")).stdout.split("\n").map((line) => line.split(/\s+/).join(" "));
    assert.deepEqual(listed, [
      "account",
      " 1.0.0 archived",
      " 1.1.0 archived",
      " 1.2.0 archived",
      " 2.0.0 active",
      "merchant",
      " 1.0.0 active",
      "",
    ]);
    const sets = JSON.parse((await cli("list", "--json")).stdout) as FeatureSetState[];
    assert.deepEqual(
      sets.map(({ name }) => name),
      ["account", "merchant"],
    );
    const details = JSON.parse((await cli("show", "merchant")).stdout) as FeatureSetDetails;
    assert.equal(details.records[0]?.set.entity.key, "merchant_id");
  });

  it("are all checked by the command line before the first is applied, and the file is named", async () => {
    await mkdir(join(folder.path, "bad"));
    await file("bad/a.feature-set.json", accountSet({ name: "early" }));
    const path = await file("bad/b.feature-set.json", accountSet({ name: "late", version: "one" }));
    const applied = await cli("apply", join(folder.path, "bad"));
    assert.equal(applied.code, 1);
    assert.ok(applied.stderr.includes(`${path}: version: a semantic version`), applied.stderr);
    assert.equal((await engine.get("/feature-sets/early")).status, 404);
    const broken = await cli("apply", await file("broken.json", "{"));
    assert.match(broken.stderr, /broken\.json: .*JSON/);
    const missing = await cli("apply", join(folder.path, "nowhere"));
    assert.match(missing.stderr, /nowhere cannot be read/);
    const empty = join(folder.path, "empty");
    await mkdir(empty);
    assert.match((await cli("apply", empty)).stderr, /has 0 files named feature-set\.json/);
    assert.match((await cli("show", "nobody")).stderr, /^millrace: there is no feature set nobody/);
  });

  it("are still there after kill -9 of the engine", async () => {
    await engine.kill9();
    await engine.start();
    await untilFilled();
    const { feature_sets: sets } = await jsonOf<{ feature_sets: FeatureSetState[] }>(
      await engine.get("/feature-sets"),
    );
    assert.deepEqual(sets, [
      {
        name: "account",
        versions: ["1.0.0", "1.1.0", "1.2.0", "2.0.0"],
        archived: ["1.0.0", "1.1.0", "1.2.0"],
      },
      { name: "merchant", versions: ["1.0.0"], archived: [] },
    ]);
  });
});
