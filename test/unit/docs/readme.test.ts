import assert from "node:assert/strict";
import { it } from "node:test";
import { between, readReadme, settingsTable } from "../../support/readme.ts";

it("the README's settings are those of the schema", () => {
  assert.equal(between(readReadme(), "settings"), settingsTable());
});
