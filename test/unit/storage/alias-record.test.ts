/**
 * The record of a model's aliases: those that were written before there were states, canaries and an audit log are read all the same,
 * and an alias that is withdrawn comes back.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CanaryDeployment, deployment } from "../../../engine/core/deployment.ts";
import {
  type AliasChange,
  type AliasRecord,
  archived,
  NO_ALIASES,
  parseAliasRecord,
  promoted,
  restored,
  rolledBack,
  withdrawn,
} from "../../../storage/alias-record.ts";
import { canaryStarted, wentBack } from "../../../storage/canary-change.ts";
import { hasCode } from "../../support/error-code.ts";

it("a record of before has nothing deprecated, no canary and nothing to tell", () => {
  const aliases = { production: { version: "2.0.0", previous: ["1.0.0"] } };
  const text = JSON.stringify({ aliases, archived: ["0.9.0"], changes: ["a"] });
  assert.deepEqual(parseAliasRecord(text), {
    aliases,
    archived: ["0.9.0"],
    deprecated: [],
    changes: ["a"],
    untold: [],
  });
  assert.throws(() => parseAliasRecord('{"aliases": 1}'), hasCode("INTERNAL"));
});

/** 3.0.0 in production, which was 2.0.0 and 1.0.0 before. */
const SERVING: AliasRecord = {
  ...NO_ALIASES,
  aliases: {
    production: { version: "3.0.0", previous: ["2.0.0", "1.0.0"] },
    staging: { version: "3.0.0", previous: [] },
  },
};
const VERSIONS = ["1.0.0", "2.0.0", "3.0.0", "4.0.0"];
const NOW_MS = Date.UTC(2026, 4, 1);

/** The record after the changes; one that changes nothing leaves it as it is. */
function after(record: AliasRecord, ...changes: AliasChange[]): AliasRecord {
  return changes.reduce((before, change) => change(before, NOW_MS)?.record ?? before, record);
}

describe("an alias that is withdrawn", () => {
  const gone = after(SERVING, withdrawn("production"));

  it("is gone, others stay, and it is told once", () => {
    assert.deepEqual(gone.aliases, { staging: SERVING.aliases["staging"] });
    const { record: _, ...told } = withdrawn("production")(SERVING, NOW_MS) ?? assert.fail("it changes");
    assert.deepEqual(told, { action: "withdrawn", version: "3.0.0", alias: "production" });
    assert.equal(withdrawn("production")(gone, NOW_MS), undefined);
    assert.equal(withdrawn("production")(NO_ALIASES, NOW_MS), undefined);
    assert.deepEqual(parseAliasRecord(JSON.stringify(gone)), gone);
  });

  it("comes back as it was, by restoring it or by rolling back", () => {
    assert.deepEqual(after(gone, restored("production", VERSIONS)), SERVING);
    assert.deepEqual(after(gone, rolledBack("production")), SERVING);
    assert.equal(restored("production", VERSIONS)(SERVING, NOW_MS), undefined);
    const told = rolledBack("production")(gone, NOW_MS);
    assert.deepEqual([told?.version, told?.replaced], ["3.0.0", undefined]);
  });

  it("is given to another version with its history", () => {
    const moved = after(gone, promoted("4.0.0", "production"));
    assert.deepEqual(moved.aliases["production"], {
      version: "4.0.0",
      previous: ["3.0.0", "2.0.0", "1.0.0"],
    });
    assert.equal(moved.withdrawn, undefined);
    assert.equal(after(moved, rolledBack("production")).aliases["production"]?.version, "3.0.0");
    const older = after(gone, promoted("2.0.0", "production"));
    assert.deepEqual(older.aliases["production"], { version: "2.0.0", previous: ["3.0.0", "1.0.0"] });
  });

  it("comes back with what may be deployed: a former version, else the newest", () => {
    const bare = { ...gone, aliases: {} };
    const restoredTo = (record: AliasRecord): string | undefined =>
      after(record, restored("production", VERSIONS)).aliases["production"]?.version;
    assert.equal(restoredTo({ ...bare, archived: ["3.0.0"] }), "2.0.0");
    assert.equal(restoredTo({ ...bare, deprecated: ["1.0.0", "2.0.0", "3.0.0"] }), "4.0.0");
    assert.equal(restoredTo({ ...NO_ALIASES, archived: ["4.0.0"] }), "3.0.0");
    assert.throws(() => restoredTo({ ...bare, archived: VERSIONS }), hasCode("CONFLICT", /push another/));
    assert.throws(
      () => after({ ...bare, archived: ["1.0.0", "2.0.0", "3.0.0"] }, rolledBack("production")),
      hasCode("CONFLICT", /no version to go back to/),
    );
  });

  it("can be archived", () => {
    assert.deepEqual(after({ ...gone, aliases: {} }, archived("3.0.0")).archived, ["3.0.0"]);
  });

  it("keeps nothing warm, and waits for the end of a canary", () => {
    const warm = { version: "2.0.0", until: new Date(NOW_MS + 60_000).toISOString() };
    assert.equal(after({ ...SERVING, warm }, withdrawn("production")).warm, undefined);
    const strategy = deployment.parse({ strategy: "canary" }) as CanaryDeployment;
    const by = { requestedBy: "ada", reason: "" };
    const running = after(SERVING, canaryStarted("4.0.0", strategy, by));
    assert.throws(() => after(running, withdrawn("production")), hasCode("CONFLICT", /canary of version 4/));
    const ended = after(running, wentBack("production"));
    assert.equal(after(ended, withdrawn("production")).aliases["production"], undefined);
    assert.throws(
      () => after(gone, canaryStarted("4.0.0", strategy, by)),
      hasCode("CONFLICT", /nothing is in production/),
    );
  });
});
