/** How long the windows of a monitor may be. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../../engine/core/errors.ts";
import { parseMonitorSettings } from "../../../../engine/monitor/monitor-settings.ts";

function refusedField(settings: unknown): string | undefined {
  try {
    parseMonitorSettings(settings);
  } catch (error) {
    if (error instanceof EngineError) return error.details[0]?.field;
    throw error;
  }
  return undefined;
}

describe("the window of a monitor", () => {
  it("may be as short as what is counted apart: a minute", () => {
    const { windowMs, hopMs } = parseMonitorSettings({ window: "1m" });
    assert.deepEqual([windowMs, hopMs], [60_000, 60_000]);
    assert.equal(parseMonitorSettings({ window: "5m", hop: "1m" }).hopMs, 60_000);
  });

  it("is refused when it is shorter, or no whole minutes, or the hop is longer", () => {
    assert.equal(refusedField({ window: "59s" }), "window");
    assert.equal(refusedField({ window: "90s" }), "window");
    assert.equal(refusedField({ window: "5m", hop: "59s" }), "hop");
    assert.equal(refusedField({ window: "1m", hop: "2m" }), "hop");
  });
});
