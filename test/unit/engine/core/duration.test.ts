/** Durations as definitions write them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { durationMs, durationText } from "../../../../engine/core/duration.ts";

describe("a duration", () => {
  it("is a whole number and one unit", () => {
    assert.equal(durationMs("1s"), 1_000);
    assert.equal(durationMs("10m"), 600_000);
    assert.equal(durationMs("24h"), 86_400_000);
    assert.equal(durationMs("30d"), 2_592_000_000);
    assert.equal(durationMs("999999d"), 86_399_913_600_000);
  });

  it("is nothing else", () => {
    for (const text of [
      "",
      "0s",
      "01s",
      "-1s",
      "+1s",
      "1.5h",
      "1e3s",
      "10",
      "s",
      "1w",
      "1ms",
      "1 h",
      " 1h",
      "1h ",
      "1h\n",
      "1H",
      "1h30m",
      "1000000s",
    ])
      assert.equal(durationMs(text), undefined, JSON.stringify(text));
  });

  it("is taken between the bounds of a field, both inclusive, whatever its unit", () => {
    const schema = durationText("1m", "1h");
    for (const text of ["1m", "60s", "60m", "1h", "3600s"]) assert.equal(schema.parse(text), text);
    for (const text of ["59s", "61m", "2h", "x", 60_000, null]) {
      const { success, error } = schema.safeParse(text);
      assert.ok(!success, String(text));
      if (typeof text === "string") assert.match(error.message, /from 1m to 1h, such as/);
    }
  });
});
