/**
 * A change of an alias takes effect once, also when the connection eats the answer to its write.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Kvm } from "@nats-io/kv";
import { connect } from "@nats-io/transport-node";
import { promoted, rolledBack } from "../../storage/alias-record.ts";
import { AliasStore } from "../../storage/alias-store.ts";
import { startTestNats } from "../support/nats.ts";

test("a rollback whose answer is lost goes back one step, not two", async () => {
  await using nats = await startTestNats();
  const connection = await connect({ servers: nats.url, noAsyncTraces: true });
  const kv = await new Kvm(connection).create("models", { history: 5, allow_direct: false });
  const store = new AliasStore(kv);
  for (const version of ["1.0.0", "2.0.0", "3.0.0"])
    await store.change("fraud", promoted(version, "production"));

  let answersLost = 0;
  const forgetful = new AliasStore({
    get: (key) => kv.get(key),
    create: (key, value) => kv.create(key, value),
    update: async (key, value, revision) => {
      const written = await kv.update(key, value, revision);
      if (answersLost++ === 0) throw new Error("timeout");
      return written;
    },
  });
  await forgetful.change("fraud", rolledBack("production"));
  assert.equal(answersLost, 1);
  assert.deepEqual((await store.read("fraud")).aliases, {
    production: { version: "2.0.0", previous: ["1.0.0"] },
  });
  await connection.close();
});
