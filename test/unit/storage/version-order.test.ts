/**
 * Versions sort as semver.org says, not as text.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareVersions } from "../../../storage/version-order.ts";

test("the example of the specification is in order", () => {
  const ordered = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.0",
    "1.10.0",
    "2.0.0",
  ];
  assert.deepEqual(ordered.toReversed().sort(compareVersions), ordered);
  assert.equal(compareVersions("1.0.0-a-b", "1.0.0-a-b"), 0);
});
