import assert from "node:assert/strict";
import { it } from "node:test";
import { nextVersion } from "../../../../engine/train/next-version.ts";

it("a trained version is the next minor one above all there are, and 1.0.0 the first", () => {
  assert.equal(nextVersion([]), "1.0.0");
  assert.equal(nextVersion(["1.0.0"]), "1.1.0");
  assert.equal(nextVersion(["1.9.7", "1.10.0", "0.99.0"]), "1.11.0");
  assert.equal(nextVersion(["2.0.0-rc.1", "1.4.0"]), "2.1.0");
});
