/** Which test rows may judge a challenger beside a champion that learned from some of them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { trainingValidation } from "../../../../engine/core/training-validation.ts";
import { TRAINING_FILE } from "../../../../engine/train/training-record.ts";
import { unseenRows } from "../../../../engine/train/unseen-rows.ts";

const UNTIL_MS = Date.UTC(2026, 0, 10);
const DAY_MS = 86_400_000;
const times = Float64Array.from([-2, -1, 0, 1, 2], (days) => UNTIL_MS + days * DAY_MS);
const byTime = trainingValidation.parse({ method: "out_of_time" });

function champion(validation: object): ReadonlyMap<string, Uint8Array> {
  const lineage = {
    validation: trainingValidation.parse(validation),
    data: { trained_until: new Date(UNTIL_MS).toISOString(), rows: 5 },
  };
  return new Map([[TRAINING_FILE, Buffer.from(JSON.stringify({ model_type: "LINEAR", lineage }))]]);
}

describe("rows that neither version has learned from", () => {
  it("are those after the champion's newest row, when either is split by time", () => {
    assert.deepEqual([...(unseenRows(champion(byTime), byTime, times) ?? [])], [3, 4]);
    const holdout = trainingValidation.parse({ method: "holdout" });
    assert.deepEqual([...(unseenRows(champion(holdout), byTime, times) ?? [])], [3, 4]);
    assert.deepEqual([...(unseenRows(champion(byTime), holdout, times) ?? [])], [3, 4]);
  });

  it("are all that the same hash kept from both, but not where the champion kept fewer", () => {
    const kept = trainingValidation.parse({ method: "holdout", test_share: 0.2 });
    assert.equal(unseenRows(champion({ method: "k_fold", test_share: 0.2 }), kept, times), undefined);
    assert.equal(unseenRows(champion({ method: "holdout", test_share: 0.1 }), kept, times)?.length, 2);
  });

  it("are none where the champion has learned from the newest, and all where nothing tells", () => {
    assert.equal(unseenRows(champion(byTime), byTime, times.subarray(0, 3))?.length, 0);
    assert.equal(unseenRows(champion(byTime), byTime, times.subarray(3)), undefined);
    for (const files of [undefined, new Map(), new Map([[TRAINING_FILE, Buffer.from("{")]])])
      assert.equal(unseenRows(files, byTime, times), undefined);
    assert.equal(unseenRows(champion(byTime), byTime, undefined), undefined);
  });
});
