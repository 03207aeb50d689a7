/**
 * The registry of feature sets on a real nats-server: versions never change, sets that do not agree cannot both become
 * active, watchers hear of everything, and a server killed in between is only a delay.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { featureSetKey } from "../../engine/core/feature-set.ts";
import { checkAgreement } from "../../engine/features/set-agreement.ts";
import { type FeatureRegistry, openFeatureRegistry } from "../../storage/feature-registry.ts";
import type { FeatureSetRecord } from "../../storage/feature-set-record.ts";
import { hasCode } from "../support/error-code.ts";
import { eventually } from "../support/eventually.ts";
import { accountSet, parsedSet } from "../support/feature-sets.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

let nats: TestNats;
let connection: NatsConnection;
let prefixes = 0;

before(async () => {
  nats = await startTestNats();
  connection = await toServer();
});

after(async () => {
  await connection.close();
  await nats.stop();
});

function toServer(): Promise<NatsConnection> {
  return connect({
    servers: nats.url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    noAsyncTraces: true,
  });
}

function open(prefix: string, over = connection, seq = 0): Promise<FeatureRegistry> {
  const eventsPosition = async () => ({ epoch: 7, seq });
  return openFeatureRegistry(over, { prefix, check: checkAgreement, eventsPosition });
}

const freshPrefix = (): string => `features${++prefixes}`;
const freshRegistry = (): Promise<FeatureRegistry> => open(freshPrefix());
const keysOf = (records: readonly FeatureSetRecord[]): string[] =>
  records.map(({ set }) => featureSetKey(set));

test("what is applied comes back, with where the events stood", async () => {
  const registry = await open(freshPrefix(), connection, 41);
  const start = new Date().toISOString();
  const { record, isNew } = await registry.apply(accountSet());
  assert.ok(isNew);
  assert.deepEqual(await registry.get("account", "1.0.0"), record);
  assert.deepEqual(record.set, parsedSet());
  assert.deepEqual([record.applied_epoch, record.applied_seq], [7, 41]);
  assert.ok(record.applied_date >= start && record.applied_date <= new Date().toISOString());
});

test("the same content again changes nothing, other content is refused", async () => {
  const prefix = freshPrefix();
  const registry = await open(prefix, connection, 1);
  const { record } = await registry.apply(accountSet());
  const manager = await jetstreamManager(connection);
  const lastSeq = async () => (await manager.streams.info(`KV_${prefix}_features`)).state.last_seq;
  const before = await lastSeq();
  const later = await open(prefix, connection, 2);
  const reordered = Object.fromEntries(
    Object.entries(accountSet({ features: parsedSet().features })).reverse(),
  );
  assert.deepEqual(await later.apply(reordered), { record, isNew: false });
  assert.equal(await lastSeq(), before);
  await assert.rejects(
    registry.apply(accountSet({ description: "other" })),
    hasCode("CONFLICT", /^account@1\.0\.0 exists with other content.*raise "version" in feature-set\.json/),
  );
  assert.deepEqual((await registry.show("account")).records, [record]);
});

test("several versions of a set are active at once, in the order of versions", async () => {
  const registry = await freshRegistry();
  for (const version of ["1.10.0", "1.9.0", "1.9.0-rc.1"]) await registry.apply(accountSet({ version }));
  await registry.apply(accountSet({ name: "a-first" }));
  assert.deepEqual(keysOf(await registry.active()), [
    "a-first@1.0.0",
    "account@1.9.0-rc.1",
    "account@1.9.0",
    "account@1.10.0",
  ]);
  assert.deepEqual(await registry.list(), [
    { name: "a-first", versions: ["1.0.0"], archived: [] },
    { name: "account", versions: ["1.9.0-rc.1", "1.9.0", "1.10.0"], archived: [] },
  ]);
});

test("an archived version is active no more, can still be read, and is not applied again", async () => {
  const registry = await freshRegistry();
  const { record } = await registry.apply(accountSet());
  await registry.apply(accountSet({ version: "2.0.0" }));
  const state = { name: "account", versions: ["1.0.0", "2.0.0"], archived: ["1.0.0"] };
  assert.deepEqual(await registry.archive("account", "1.0.0"), state);
  assert.deepEqual(await registry.archive("account", "1.0.0"), state);
  assert.deepEqual(keysOf(await registry.active()), ["account@2.0.0"]);
  assert.deepEqual(await registry.get("account", "1.0.0"), record);
  await assert.rejects(registry.apply(accountSet()), hasCode("CONFLICT", /account@1\.0\.0 is archived/));
  await assert.rejects(registry.archive("account", "3.0.0"), hasCode("FEATURE_SET_NOT_FOUND"));
  await assert.rejects(registry.show("nobody"), hasCode("FEATURE_SET_NOT_FOUND"));
  await assert.rejects(registry.get("Bad.name", "1.0.0"), hasCode("INVALID_REQUEST", /feature set name/));
  await assert.rejects(registry.get("account", "1.0.>"), hasCode("INVALID_REQUEST"));
});

test("an invalid set and one that disagrees with an active one leave nothing behind", async () => {
  const registry = await freshRegistry();
  await registry.apply(accountSet());
  await assert.rejects(registry.apply(accountSet({ name: "Bad" })), hasCode("FEATURE_SET_INVALID"));
  const other = accountSet({ name: "risk", entity: { type: "account", key: "id" } });
  await assert.rejects(registry.apply(other), hasCode("CONFLICT", /"account_id" in account@1\.0\.0/));
  assert.deepEqual(keysOf(await registry.active()), ["account@1.0.0"]);
  await registry.archive("account", "1.0.0");
  assert.ok((await registry.apply(other)).isNew);
});

test("a set that is too large for one message is refused before anything is stored", async () => {
  const registry = await freshRegistry();
  const categories = Array.from({ length: 10_000 }, (_, index) => `${index}`.padEnd(250, "x"));
  const features = ["a", "b", "c", "d"].map((name) => ({
    name,
    kind: "online",
    type: "category",
    categories,
  }));
  await assert.rejects(
    registry.apply(accountSet({ features })),
    hasCode("PAYLOAD_TOO_LARGE", /feature-set\.json/),
  );
  assert.deepEqual(await registry.list(), []);
});

test("of many that apply one version with different content at once exactly one wins", async () => {
  const prefix = freshPrefix();
  const registries = await Promise.all(Array.from({ length: 8 }, () => open(prefix)));
  const results = await Promise.allSettled(
    registries.map((registry, index) => registry.apply(accountSet({ description: `by ${index}` }))),
  );
  const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value.record] : []));
  assert.equal(won.length, 1);
  for (const result of results) if (result.status === "rejected") hasCode("CONFLICT")(result.reason);
  assert.deepEqual(await registries[0]?.active(), won);
});

test("of two sets that disagree, applied at once by two writers, one is refused", async (t) => {
  const second = await toServer();
  t.after(() => second.close());
  for (let round = 0; round < 10; round++) {
    const prefix = freshPrefix();
    const writers = await Promise.all([open(prefix), open(prefix, second)]);
    const results = await Promise.allSettled(
      writers.map((writer, index) =>
        writer.apply(accountSet({ name: `set${index}`, entity: { type: "account", key: `key${index}` } })),
      ),
    );
    assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    for (const result of results) if (result.status === "rejected") hasCode("CONFLICT")(result.reason);
    assert.equal((await writers[0].active()).length, 1);
  }
});

test("many that agree, applied at once, all become active", async () => {
  const prefix = freshPrefix();
  const registries = await Promise.all(Array.from({ length: 12 }, () => open(prefix)));
  const results = await Promise.all(
    registries.map((registry, index) => registry.apply(accountSet({ name: `set${index % 6}` }))),
  );
  assert.equal(results.filter(({ isNew }) => isNew).length, 6);
  assert.equal((await registries[0]?.active())?.length, 6);
});

test("a watcher hears of all active sets now, and when one is applied or archived, by whomever", async () => {
  const prefix = freshPrefix();
  const [registry, other] = [await open(prefix), await open(prefix)];
  const heard: string[][] = [];
  const watch = await registry.watch((records) => void heard.push(keysOf(records)));
  assert.deepEqual(heard, [[]]);
  await other.apply(accountSet());
  await eventually("the set", () => heard.at(-1)?.length === 1);
  await other.apply(accountSet({ version: "2.0.0" }));
  await eventually("the second version", () => heard.at(-1)?.length === 2);
  await other.apply(accountSet({ version: "2.0.0" }));
  await other.archive("account", "1.0.0");
  await eventually("the end of the first", () => heard.at(-1)?.length === 1);
  assert.deepEqual(heard, [[], ["account@1.0.0"], ["account@1.0.0", "account@2.0.0"], ["account@2.0.0"]]);
  await watch.stop();
  await other.apply(accountSet({ version: "3.0.0" }));
  assert.equal(heard.length, 4);
});

test("a record that was tampered with is found out", async () => {
  const prefix = freshPrefix();
  const registry = await open(prefix);
  const { record } = await registry.apply(accountSet());
  const kv = await new Kvm(jetstream(connection)).open(`${prefix}_features`);
  const put = (value: unknown) => kv.put("version.account.1.0.0", JSON.stringify(value));
  await put({ ...record, set: { ...record.set, lateness: "2h" } });
  await assert.rejects(
    registry.get("account", "1.0.0"),
    hasCode("FEATURE_SET_INVALID", /record of account@1\.0\.0 does not match its digest/),
  );
  await put({ record });
  await assert.rejects(registry.active(), hasCode("FEATURE_SET_INVALID", /cannot be read/));
});

test("kill -9 of nats-server loses nothing, interrupts no caller, and the watch goes on", {
  timeout: 60_000,
}, async () => {
  const registry = await freshRegistry();
  await registry.apply(accountSet());
  let heard: string[] = [];
  const watch = await registry.watch((records) => {
    heard = keysOf(records);
  });
  const [, applied, state] = await Promise.all([
    nats.kill9(),
    registry.apply(accountSet({ version: "2.0.0" })),
    registry.archive("account", "1.0.0"),
  ]);
  assert.equal(applied.record.set.version, "2.0.0");
  assert.deepEqual(state.archived, ["1.0.0"]);
  assert.deepEqual(keysOf(await registry.active()), ["account@2.0.0"]);
  await eventually("the watcher heard of it all", () => heard.join() === "account@2.0.0", 15_000);
  await registry.apply(accountSet({ version: "3.0.0" }));
  await eventually("and of what came later", () => heard.length === 2, 15_000);
  await watch.stop();
});
