/** The demo's own measure of the latest predictions, and how it is drawn. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sparkline } from "../../../../engine/demo/demo-view.ts";
import { RollingQuality } from "../../../../engine/demo/rolling-quality.ts";

/** Scores are labels: right, or the other way round. */
function add(quality: RollingQuality, rows: number, version: string, isRight: boolean): void {
  for (let row = 0; row < rows; row++) {
    const isFraud = row % 4 === 0;
    quality.add({ version, score: isFraud === isRight ? 0.9 : 0.1, isFraud });
  }
}

describe("rolling quality", () => {
  it("measures the latest predictions, of one version or of all", () => {
    const quality = new RollingQuality();
    add(quality, 400, "1.0.0", false);
    add(quality, 400, "1.1.0", true);
    assert.equal(quality.auc({ rowsMin: 1, rowsMax: 400 }), 1);
    assert.equal(quality.auc({ rowsMin: 1 }), 0.5);
    assert.equal(
      quality.auc({ rowsMin: 1 }, (version) => version === "1.0.0"),
      0,
    );
  });

  it("says nothing of too few rows, nor of one class", () => {
    const quality = new RollingQuality();
    assert.equal(quality.auc({ rowsMin: 0 }), undefined);
    add(quality, 99, "1.0.0", true);
    assert.equal(quality.auc({ rowsMin: 100 }), undefined);
    quality.add({ version: "1.1.0", score: 0.5, isFraud: true });
    assert.equal(
      quality.auc({ rowsMin: 1 }, (version) => version === "1.1.0"),
      undefined,
    );
    assert.equal(quality.auc({ rowsMin: 100 }), 1);
  });

  it("forgets what is older than it keeps", () => {
    const quality = new RollingQuality();
    add(quality, 20_000, "1.0.0", false);
    add(quality, 10_000, "1.1.0", true);
    assert.equal(quality.auc({ rowsMin: 1 }), 1);
  });

  it("is drawn in eight heights from 0.3 to 1, with blanks for what is not known", () => {
    assert.equal(sparkline([undefined, 0.1, 0.3, 0.5, 0.9, 1]), " ▁▁▃▇█");
  });
});
