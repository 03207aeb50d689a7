/**
 * The model registry on a real nats-server: what is pushed comes back, versions never change, aliases survive races,
 * watchers hear of everything, and a server killed in between is only a delay.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { sha256Of } from "../../storage/artifact-store.ts";
import { type ModelRegistry, openModelRegistry } from "../../storage/model-registry.ts";
import type { ModelState } from "../../storage/model-state.ts";
import { hasCode } from "../support/error-code.ts";
import { eventually } from "../support/eventually.ts";
import { modelContent } from "../support/model-content.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

let nats: TestNats;
let connection: NatsConnection;
let prefixes = 0;

before(async () => {
  nats = await startTestNats();
  connection = await connectTo(nats);
});

after(async () => {
  await connection.close();
  await nats.stop();
});

function connectTo({ url }: TestNats): Promise<NatsConnection> {
  return connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50, noAsyncTraces: true });
}

async function freshRegistry(): Promise<{ registry: ModelRegistry; prefix: string }> {
  const prefix = `test${++prefixes}`;
  return { registry: await openModelRegistry(connection, { prefix }), prefix };
}

async function pushVersions(registry: ModelRegistry, versions: readonly string[]): Promise<void> {
  for (const version of versions) await registry.push(modelContent({ version }));
}

test("what is pushed is loaded, byte for byte", async () => {
  const { registry } = await freshRegistry();
  const content = {
    manifest: { ...modelContent().manifest, runtime: "tfjs" as const },
    files: new Map([
      ["tfjs/model.json", Buffer.from("{}")],
      ["tfjs/group1-shard1of2.bin", randomBytes(700_000)],
      ["tfjs/group1-shard2of2.bin", new Uint8Array(0)],
    ]),
  };
  const record = await registry.push(content);
  const loaded = await registry.load("fraud", "1.0.0");
  assert.deepEqual(loaded.manifest, content.manifest);
  assert.deepEqual(
    [...loaded.files.keys()],
    record.files.map((file) => file.path),
  );
  for (const [path, bytes] of content.files)
    assert.ok(Buffer.from(loaded.files.get(path) ?? []).equals(bytes), path);
});

test("an artifact of 20 MB comes back equal", async () => {
  const { registry } = await freshRegistry();
  const bytes = randomBytes(20_000_000);
  await registry.push(modelContent({ bytes }));
  const loaded = await registry.load("fraud", "1.0.0");
  assert.ok(bytes.equals(loaded.files.get("model.onnx") ?? new Uint8Array()));
});

test("the same content again changes nothing, other content is refused", async () => {
  const { registry, prefix } = await freshRegistry();
  const first = await registry.push(modelContent());
  const stream = async () =>
    (await (await jetstreamManager(connection)).streams.info(`OBJ_${prefix}_artifacts`)).state;
  const before = await stream();
  assert.deepEqual(await registry.push(modelContent()), first);
  assert.deepEqual((await stream()).last_seq, before.last_seq);
  await assert.rejects(
    registry.push(modelContent({ bytes: new Uint8Array([1]) })),
    hasCode("CONFLICT", /fraud@1\.0\.0 exists with other content.*raise "version"/),
  );
  assert.deepEqual((await registry.show("fraud")).records, [first]);
});

test("of many that push one version with different content exactly one wins, and its bytes are what loads", async () => {
  const { registry } = await freshRegistry();
  const contents = Array.from({ length: 10 }, (_, i) => modelContent({ bytes: new Uint8Array([i]) }));
  const pushes = await Promise.allSettled(contents.map((content) => registry.push(content)));
  const won = pushes.flatMap((push, i) => (push.status === "fulfilled" ? [i] : []));
  assert.equal(won.length, 1);
  for (const push of pushes) if (push.status === "rejected") hasCode("CONFLICT")(push.reason);
  assert.deepEqual((await registry.load("fraud", "1.0.0")).files.get("model.onnx"), new Uint8Array(won));
});

test("many that push the same content at once all succeed", async () => {
  const { registry } = await freshRegistry();
  const bytes = randomBytes(2_000_000);
  const records = await Promise.all(Array.from({ length: 8 }, () => registry.push(modelContent({ bytes }))));
  assert.equal(new Set(records.map((record) => JSON.stringify(record))).size, 1);
  assert.ok(
    bytes.equals((await registry.load("fraud", "1.0.0")).files.get("model.onnx") ?? new Uint8Array()),
  );
});

test("unsafe paths, empty models and models over the bound are refused", async () => {
  const { registry, prefix } = await freshRegistry();
  const { manifest } = modelContent();
  const bytes = new Uint8Array(1);
  for (const path of [
    "../x",
    "/etc/passwd",
    "a/../b",
    "a//b",
    "",
    ".hidden",
    "a\\b",
    "a\nb",
    "x".repeat(600),
  ]) {
    await assert.rejects(
      registry.push({ manifest, files: new Map([[path, bytes]]) }),
      hasCode("MODEL_INVALID"),
      path,
    );
  }
  await assert.rejects(registry.push({ manifest, files: new Map() }), hasCode("MODEL_INVALID"));
  const small = await openModelRegistry(connection, { prefix, bounds: { filesMax: 1, bytesMax: 10 } });
  await assert.rejects(small.push(modelContent({ bytes: new Uint8Array(11) })), hasCode("PAYLOAD_TOO_LARGE"));
  await assert.rejects(registry.load("fraud", "1.0.0"), hasCode("MODEL_NOT_FOUND"));
  await assert.rejects(registry.load("Bad.name", "1.0.0"), hasCode("INVALID_REQUEST"));
  await assert.rejects(registry.load("fraud", "1.0.>"), hasCode("INVALID_REQUEST"));
});

test("promote moves the alias, rollback takes it back step by step", async () => {
  const { registry } = await freshRegistry();
  await pushVersions(registry, ["1.0.0", "1.1.0", "1.10.0", "1.9.0"]);
  await assert.rejects(registry.rollback("fraud"), hasCode("CONFLICT", /no version to go back to/));
  await assert.rejects(registry.promote("fraud", "3.0.0"), hasCode("MODEL_NOT_FOUND"));
  await registry.promote("fraud", "1.0.0");
  await registry.promote("fraud", "1.0.0");
  await registry.promote("fraud", "1.1.0");
  const state = await registry.promote("fraud", "1.9.0");
  assert.deepEqual(state, {
    name: "fraud",
    aliases: { production: { version: "1.9.0", previous: ["1.1.0", "1.0.0"] } },
    archived: [],
    deprecated: [],
    versions: ["1.0.0", "1.1.0", "1.9.0", "1.10.0"],
  });
  assert.equal((await registry.rollback("fraud")).aliases["production"]?.version, "1.1.0");
  assert.equal((await registry.rollback("fraud")).aliases["production"]?.version, "1.0.0");
  await assert.rejects(registry.rollback("fraud"), hasCode("CONFLICT"));
  assert.deepEqual(await registry.list(), [await registry.stateOf("fraud")]);
});

test("an archived version cannot be promoted or rolled back to, and one in use cannot be archived", async () => {
  const { registry } = await freshRegistry();
  await pushVersions(registry, ["1.0.0", "2.0.0", "3.0.0"]);
  for (const version of ["1.0.0", "2.0.0", "3.0.0"]) await registry.promote("fraud", version);
  await assert.rejects(registry.archive("fraud", "3.0.0"), hasCode("CONFLICT", /alias production points/));
  assert.deepEqual((await registry.archive("fraud", "2.0.0")).archived, ["2.0.0"]);
  await assert.rejects(registry.promote("fraud", "2.0.0", "canary"), hasCode("CONFLICT", /archived/));
  assert.equal((await registry.rollback("fraud")).aliases["production"]?.version, "1.0.0");
});

test("fifty promoters at once leave one consistent record and lose no history", async () => {
  const { registry, prefix } = await freshRegistry();
  const versions = Array.from({ length: 10 }, (_, i) => `1.${i}.0`);
  const aliases = ["production", "canary", "shadow", "east", "west"];
  await pushVersions(registry, versions);
  const others = await Promise.all(aliases.map(() => connectTo(nats)));
  await Promise.all(
    others.map(async (other, i) => {
      const own = await openModelRegistry(other, { prefix });
      await Promise.all(versions.map((version) => own.promote("fraud", version, aliases[i])));
    }),
  );
  const state = await registry.stateOf("fraud");
  assert.deepEqual(Object.keys(state.aliases).sort(), aliases.toSorted());
  for (const { version, previous } of Object.values(state.aliases)) {
    assert.deepEqual([version, ...previous].sort(), versions);
  }
  await Promise.all(others.map((other) => other.close()));
});

test("a watcher hears of every model at once and of every change after", async () => {
  const { registry } = await freshRegistry();
  await registry.push(modelContent());
  const heard: ModelState[] = [];
  const watch = await registry.watch((state) => void heard.push(state));
  assert.deepEqual(
    heard.map((state) => state.versions),
    [["1.0.0"]],
  );
  await registry.push(modelContent({ version: "1.1.0" }));
  await eventually("the new version", () => heard.at(-1)?.versions.length === 2);
  await registry.promote("fraud", "1.1.0");
  await eventually("the alias", () => heard.at(-1)?.aliases["production"]?.version === "1.1.0");
  await registry.push(modelContent({ name: "churn" }));
  await eventually("the new model", () => heard.at(-1)?.name === "churn");
  assert.equal(heard.length, 4);
  await watch.stop();
  await registry.promote("fraud", "1.0.0");
  assert.equal(heard.length, 4);
});

test("a listener that fails hears of the state again", async () => {
  const { registry } = await freshRegistry();
  let calls = 0;
  const failures: unknown[] = [];
  const watch = await registry.watch(
    () => {
      if (++calls === 1) throw new Error("not now");
    },
    (error) => failures.push(error),
  );
  await registry.push(modelContent());
  await eventually("a second call", () => calls === 2);
  assert.match(String(failures[0]), /not now/);
  await watch.stop();
});

test("a corrupted blob is found out", async () => {
  const { registry, prefix } = await freshRegistry();
  const { files } = modelContent();
  await registry.push(modelContent());
  const store = await new Objm(connection).open(`${prefix}_artifacts`);
  const sha256 = sha256Of(files.get("model.onnx") ?? new Uint8Array());
  await store.putBlob({ name: sha256 }, new Uint8Array(11));
  await assert.rejects(
    registry.load("fraud", "1.0.0"),
    hasCode("MODEL_INVALID", /does not match its digest/),
  );
  await store.delete(sha256);
  await assert.rejects(registry.load("fraud", "1.0.0"), hasCode("MODEL_INVALID", /not in the store/));
});

test("a forged version record is found out", async () => {
  const { registry, prefix } = await freshRegistry();
  const record = await registry.push(modelContent());
  const kv = await new Kvm(jetstream(connection)).open(`${prefix}_models`);
  await kv.put(
    "version.fraud.1.0.0",
    JSON.stringify({ ...record, manifest: { ...record.manifest, description: "x" } }),
  );
  await assert.rejects(
    registry.load("fraud", "1.0.0"),
    hasCode("MODEL_INVALID", /does not match its digest/),
  );
});

test("kill -9 of nats-server loses nothing, interrupts no caller, and the watch goes on", {
  timeout: 60_000,
}, async () => {
  const { registry } = await freshRegistry();
  await pushVersions(registry, ["1.0.0", "2.0.0"]);
  await registry.promote("fraud", "1.0.0");
  const heard: ModelState[] = [];
  const watch = await registry.watch((state) => void heard.push(state));
  const bytes = randomBytes(20_000_000);

  const [, pushed, promoted, loaded] = await Promise.all([
    nats.kill9(),
    registry.push(modelContent({ version: "3.0.0", bytes })),
    registry.promote("fraud", "2.0.0"),
    registry.load("fraud", "1.0.0"),
  ]);
  assert.equal(pushed.manifest.version, "3.0.0");
  assert.deepEqual(promoted.aliases["production"], { version: "2.0.0", previous: ["1.0.0"] });
  assert.deepEqual(loaded.files, modelContent().files);
  assert.ok(
    bytes.equals((await registry.load("fraud", "3.0.0")).files.get("model.onnx") ?? new Uint8Array()),
  );
  await registry.rollback("fraud");
  await eventually(
    "the watcher heard of it all",
    () => heard.at(-1)?.versions.length === 3 && heard.at(-1)?.aliases["production"]?.version === "1.0.0",
  );
  await watch.stop();
});

test("without a server the error is SERVICE_UNAVAILABLE with its cause", { timeout: 60_000 }, async () => {
  const lost = await startTestNats();
  const own = await connectTo(lost);
  const registry = await openModelRegistry(own);
  await own.close();
  await assert.rejects(
    registry.list(),
    (error) => hasCode("SERVICE_UNAVAILABLE")(error) && error instanceof Error && error.cause !== undefined,
  );
  await lost.stop();
});
