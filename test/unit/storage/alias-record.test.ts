/**
 * Records of models that were written before there were states, canaries and an audit log are read all the same.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { parseAliasRecord } from "../../../storage/alias-record.ts";
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
