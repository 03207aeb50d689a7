/**
 * An engine that loads signed models only: what is signed by a trusted key is served; what is unsigned, signed by somebody
 * else or not what was signed is refused, and never loaded where it got into the registry all the same.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { keyIdOf, signVersion, type VersionSignature } from "../../engine/core/signature.ts";
import { type ModelRegistry, openModelRegistry } from "../../storage/model-registry.ts";
import { digestOf, storedFiles } from "../../storage/version-record.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { PROJECT, readModelFolder } from "../support/model-folder.ts";
import { pushBody, untilServed, withManifest } from "../support/model-requests.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";
import { endedJob, startJob } from "../support/training-jobs.ts";

const MODEL = readModelFolder("test/fixtures/regression");
const { name } = MODEL.manifest;

describe("signed models", () => {
  let engine: TestEngine;
  let folder: TempFolder;
  let nats: NatsConnection;
  let registry: ModelRegistry;
  let env: Record<string, string>;
  const stranger = generateKeyPairSync("ed25519");

  before(async () => {
    folder = await createTempFolder();
    env = {
      MILLRACE_SIGNING_KEY: join(folder.path, "signing.pem"),
      MILLRACE_TRUSTED_KEYS: join(folder.path, "trusted"),
    };
    const settings = { ...env, MILLRACE_MODEL_SIGNATURES: "required", MILLRACE_WORKERS: "1" };
    engine = await startTestEngine({ sample: false, env: settings });
    nats = await connect({ servers: engine.natsUrl });
    registry = await openModelRegistry(nats); // which checks nothing, as another program's
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const cli = async (...args: string[]): Promise<CliResult> => runCli(args, env);
  const version = (number: string): ModelArtifact => withManifest(MODEL, { version: number });
  const signedByStranger = ({ manifest, files }: ModelArtifact): VersionSignature =>
    signVersion(
      { manifest, digest: digestOf(manifest, storedFiles(files)) },
      stranger.privateKey,
      Date.now(),
    );
  const problemOf = async (number: string): Promise<string> =>
    eventually(`${number} is said not to be served`, async () => {
      const { models } = await jsonOf<{ models: { problems: Record<string, string> }[] }>(
        await engine.get("/models"),
      );
      return models[0]?.problems[number];
    });

  it("refuses an unsigned model where it is pushed", async () => {
    const error = await errorOf(await engine.post("/models", pushBody(MODEL)), 422, "MODEL_UNTRUSTED");
    assert.match(error.message, /is not signed/);
    assert.deepEqual(await registry.list(), []);
  });

  it("serves what the command line signs and pushes", async () => {
    const created = await cli("keys", "create");
    assert.equal(created.code, 0, created.stderr);
    const [, id] = /^created key ([0-9a-f]{32}):/.exec(created.stdout) ?? [];
    assert.equal((await stat(env["MILLRACE_SIGNING_KEY"] as string)).mode & 0o777, 0o600);
    assert.equal((await cli("keys", "list")).stdout, `${id}  trusted, signs\n`);
    const path = join(PROJECT, "test/fixtures/regression");
    const pushed = await cli("models", "push", path, "--promote", "--url", engine.httpUrl);
    assert.match(pushed.stdout, new RegExp(`signed with key ${id}`), pushed.stderr);
    await untilServed(engine, name, MODEL.manifest.version);
    const shown = await jsonOf<{ records: { signature: VersionSignature }[] }>(
      await engine.get(`/models/${name}`),
    );
    assert.equal(shown.records[0]?.signature.key_id, id);
  });

  it("never loads an unsigned version that stands in the registry, and goes on with the one before", async () => {
    const { manifest, files } = version("7.0.0");
    await registry.push({ manifest, files });
    await registry.promote(name, "7.0.0");
    assert.match(await problemOf("7.0.0"), /7\.0\.0 is not signed/);
    await untilServed(engine, name, MODEL.manifest.version);
    await eventually("it is logged", () => /model cannot be loaded/.test(engine.stderr));
    const comparing = await startJob(engine, { model_name: name });
    const job = await endedJob(engine, comparing, 30_000);
    assert.deepEqual([job.status, job.error?.code], ["FAILED", "MODEL_UNTRUSTED"]);
    await registry.rollback(name);
  });

  it("refuses a signature by another key until that is trusted, and again once it is revoked", async () => {
    const body = (number: string) => ({
      ...pushBody(version(number), "production"),
      signature: signedByStranger(version(number)),
    });
    const error = await errorOf(await engine.post("/models", body("8.0.0")), 422, "MODEL_UNTRUSTED");
    assert.match(error.message, /is not trusted here/);
    const file = join(folder.path, "stranger.pem");
    await writeFile(file, stranger.publicKey.export({ type: "spki", format: "pem" }));
    const id = keyIdOf(stranger.publicKey);
    assert.equal((await cli("keys", "trust", file)).stdout, `trusted key ${id}\n`);
    assert.equal((await engine.post("/models", body("8.0.0"))).status, 201);
    await untilServed(engine, name, "8.0.0");
    assert.equal((await cli("keys", "revoke", id)).code, 0);
    await errorOf(await engine.post("/models", body("8.1.0")), 422, "MODEL_UNTRUSTED");
    await untilServed(engine, name, "8.0.0");
  });

  it("never loads what is not what was signed", async () => {
    const { manifest, files } = version("9.0.0");
    const signature = signedByStranger(version("8.0.0"));
    const file = join(folder.path, "stranger.pem");
    assert.equal((await cli("keys", "trust", file)).code, 0);
    await errorOf(
      await engine.post("/models", { ...pushBody(version("9.0.0")), signature }),
      422,
      "MODEL_UNTRUSTED",
    );
    await registry.push({ manifest, files }, { signature });
    await registry.promote(name, "9.0.0");
    assert.match(await problemOf("9.0.0"), /signature of .*9\.0\.0 is wrong/);
    await untilServed(engine, name, "8.0.0");
    await registry.rollback(name);
  });

  it("tells nobody its private key", async () => {
    const pem = await readFile(env["MILLRACE_SIGNING_KEY"] as string, "utf8");
    const secret = pem.split("\n")[1] as string;
    assert.ok(secret.length > 40);
    const answers = await Promise.all(
      ["/", "/models", `/models/${name}`].map(async (path) => (await engine.get(path)).text()),
    );
    for (const text of [...answers, engine.stderr, engine.banner]) assert.ok(!text.includes(secret));
  });
});
