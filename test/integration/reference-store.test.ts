/**
 * The store of references on a real nats-server: what is put comes back, races lose nothing, watchers hear of it, and damage shows.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Objm } from "@nats-io/obj";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { sha256Of } from "../../storage/artifact-store.ts";
import {
  openReferenceStore,
  REFERENCE_BYTES_MAX,
  type ReferenceState,
} from "../../storage/reference-store.ts";
import { hasCode } from "../support/error-code.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const KEY = { name: "fraud", version: "1.0.0-rc.1" };

let nats: TestNats;
let connection: NatsConnection;
let prefixes = 0;
before(async () => {
  nats = await startTestNats();
  connection = await connect({ servers: nats.url, maxReconnectAttempts: -1, noAsyncTraces: true });
});
after(async () => {
  await connection.close();
  await nats.stop();
});

async function freshStore() {
  const prefix = `test${++prefixes}`;
  return { prefix, store: await openReferenceStore(connection, { prefix }) };
}

function reference(number: number, more: unknown = "") {
  return {
    referenceId: sha256Of(Buffer.from(String(number))),
    body: { profile: { number }, more },
    source: { kind: "upload" as const, rows: number, labelled_rows: 0 },
  };
}

test("what is put comes back, and the same again changes nothing", async () => {
  const { store } = await freshStore();
  assert.equal(await store.get(KEY), undefined);
  const first = await store.put(KEY, reference(1));
  assert.equal(first.isNew, true);
  assert.deepEqual(await store.get(KEY), { record: first.record, body: reference(1).body });
  const again = await store.put(KEY, { ...reference(1), source: { ...reference(1).source, rows: 5 } });
  assert.deepEqual(again, { record: first.record, isNew: false });
  const other = await store.put({ ...KEY, version: "2.0.0" }, reference(2));
  const states = (await store.list("fraud")).toSorted((a, b) => a.name.localeCompare(b.name));
  assert.deepEqual(states, [
    { name: "fraud@1.0.0-rc.1", model: "fraud", version: "1.0.0-rc.1", record: first.record },
    { name: "fraud@2.0.0", model: "fraud", version: "2.0.0", record: other.record },
  ]);
  assert.deepEqual(await store.list("other"), []);
});

test("former ids are kept, newest first and at most twenty, none twice", async () => {
  const { store } = await freshStore();
  for (let number = 0; number < 25; number++) await store.put(KEY, reference(number));
  await store.put(KEY, reference(24, "with other metrics"));
  const { record } = await store.put(KEY, reference(10));
  const expected = [24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 9, 8, 7, 6, 5];
  assert.deepEqual(
    record.previous.slice(0, 18),
    expected.slice(0, 18).map((number) => reference(number).referenceId),
  );
  assert.ok(record.previous.length <= 20);
  assert.ok(!record.previous.includes(record.reference_id));
});

test("of references put at once none is lost", async () => {
  const { store } = await freshStore();
  const numbers = Array.from({ length: 10 }, (_, number) => number);
  await Promise.all(numbers.map(async (number) => store.put(KEY, reference(number))));
  const { record } = (await store.get(KEY)) ?? assert.fail("there is one");
  assert.deepEqual(
    [record.reference_id, ...record.previous].sort(),
    numbers.map((number) => reference(number).referenceId).sort(),
  );
});

test("a watcher hears of each reference, also of those put while the server was away", async () => {
  const { store } = await freshStore();
  await store.put(KEY, reference(1));
  const heard: ReferenceState[] = [];
  const watch = await store.watch((state) => void heard.push(state));
  assert.equal(heard[0]?.record.reference_id, reference(1).referenceId);
  await nats.kill9();
  await store.put(KEY, reference(2));
  await eventually(
    "the second",
    () => heard.at(-1)?.record.reference_id === reference(2).referenceId,
    15_000,
  );
  await watch.stop();
});

test("a reference that is too large, or whose stored body is damaged, is an error", async () => {
  const { store, prefix } = await freshStore();
  const large = reference(1, "x".repeat(REFERENCE_BYTES_MAX));
  await assert.rejects(store.put(KEY, large), hasCode("PAYLOAD_TOO_LARGE", /use fewer bins/));
  const { record } = await store.put(KEY, reference(1));
  const blobs = await new Objm(connection).open(`${prefix}_artifacts`);
  await blobs.putBlob({ name: record.digest }, new Uint8Array(11));
  await assert.rejects(store.get(KEY), hasCode("INTERNAL", /fraud@1\.0\.0-rc\.1 is damaged: make it again/));
});
