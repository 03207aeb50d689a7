import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../../../engine/core/errors.ts";
import { parseDriftSettings } from "../../../../../engine/monitor/drift/drift-settings.ts";

describe("drift settings", () => {
  it("have sound defaults, and keep them beside what is overridden", () => {
    const { psi_warning, windows_needed, alpha } = parseDriftSettings({ alpha: 0.02 });
    assert.deepEqual(
      { psi_warning, windows_needed, alpha },
      { psi_warning: 0.1, windows_needed: 3, alpha: 0.02 },
    );
  });

  for (const [field, wrong] of [
    ["alpha", { alpha: 0.5 }],
    ["rows_min", { rows_min: 1 }],
    ["rows_min", { rows_min: "many" }],
    ["windows_needed", { windows_needed: 6 }],
    ["quality_windows_needed", { quality_windows_needed: 4 }],
    ["psi_critical", { psi_critical: 0.05 }],
    ["psi_exit", { psi_exit: 0.09 }],
    ["psi_margin", { psi_margin: Number.NaN }],
  ] as const)
    it(`refuse ${JSON.stringify(wrong)} by the name of ${field}`, () => {
      assert.throws(
        () => parseDriftSettings(wrong),
        (error) =>
          error instanceof EngineError &&
          error.code === "INVALID_REQUEST" &&
          error.details.some((detail) => detail.field === field),
      );
    });

  it("refuse a field that is none, by its name", () => {
    assert.throws(() => parseDriftSettings({ psi_treshold: 0.1 }), /psi_treshold/);
    assert.throws(() => parseDriftSettings(null), /drift settings/);
  });
});
