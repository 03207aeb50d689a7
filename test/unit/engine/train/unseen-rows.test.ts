/** Which test rows may judge a challenger beside a champion that learned from some of them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TrainingSource } from "../../../../engine/core/training-lineage.ts";
import { type TrainingValidation, trainingValidation } from "../../../../engine/core/training-validation.ts";
import { shareOf } from "../../../../engine/train/data/row-groups.ts";
import { TRAINING_FILE } from "../../../../engine/train/remembered-training.ts";
import { unseenRows as unseen } from "../../../../engine/train/unseen-rows.ts";

const UNTIL_MS = Date.UTC(2026, 0, 10);
const DAY_MS = 86_400_000;
const times = Float64Array.from([-2, -1, 0, 1, 2], (days) => UNTIL_MS + days * DAY_MS);
const byTime = trainingValidation.parse({ method: "out_of_time" });

const SERVED = { source: "labelled" };
const QUERY = { source: "query", grouped_by: ["a", "b"] };

function champion(
  validation: object,
  source: object = SERVED,
  until: object = { trained_until: new Date(UNTIL_MS).toISOString() },
): ReadonlyMap<string, Uint8Array> {
  const lineage = { validation: trainingValidation.parse(validation), data: { ...until, rows: 5, source } };
  return new Map([[TRAINING_FILE, Buffer.from(JSON.stringify({ model_type: "LINEAR", lineage }))]]);
}

/** Unseen rows among those of `times`, of which a split by hash keeps the first two. */
function unseenRows(
  files: Parameters<typeof unseen>[0],
  validation: TrainingValidation,
  timesMs: Float64Array | undefined,
  source: object = SERVED,
): Uint32Array | undefined {
  const count = timesMs?.length ?? times.length;
  const places = [0.05, 0.15, 0.25, 0.5, 0.9].map(groupAt).slice(0, count);
  const rows = { groups: Uint32Array.from(places), ...(timesMs === undefined ? {} : { timesMs }) };
  return unseen(files, validation, source as TrainingSource, rows).rows;
}

/** A group at about this place of the cut for tests. */
function groupAt(place: number): number {
  for (let group = 0; ; group++) if (Math.abs(shareOf(group, 1) - place) < 0.01) return group;
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
    const two = times.subarray(0, 2);
    assert.equal(unseenRows(champion({ method: "k_fold", test_share: 0.2 }), kept, two), undefined);
    const fewer = champion({ method: "holdout", test_share: 0.1 });
    assert.deepEqual([...(unseenRows(fewer, kept, times) ?? [])], [0, 3, 4], "by hash, and later than all");
    const untimed = champion({ method: "holdout", test_share: 0.1 }, QUERY, {});
    assert.deepEqual([...(unseenRows(untimed, kept, undefined, QUERY) ?? [])], [0], "without times");
  });

  it("are not those of a hash of something else", () => {
    const holdout = trainingValidation.parse({ method: "holdout" });
    const others = [{ source: "query", grouped_by: ["a"] }, { source: "query" }, SERVED];
    for (const former of others)
      assert.deepEqual([...(unseenRows(champion(holdout, former), holdout, times, QUERY) ?? [])], [3, 4]);
    const isUntold = (former: object): boolean =>
      unseen(champion(holdout, former, {}), holdout, QUERY as unknown as TrainingSource, {
        groups: Uint32Array.of(1, 2),
      }).isUntold;
    assert.deepEqual([...others, QUERY].map(isUntold), [true, true, false, false]);
  });

  it("are none where the champion has learned from the newest, and all where nothing tells", () => {
    assert.equal(unseenRows(champion(byTime), byTime, times.subarray(0, 3))?.length, 0);
    assert.equal(unseenRows(champion(byTime), byTime, times.subarray(3)), undefined);
    for (const files of [undefined, new Map(), new Map([[TRAINING_FILE, Buffer.from("{")]])])
      assert.equal(unseenRows(files, byTime, times), undefined);
    assert.equal(unseenRows(champion(byTime), byTime, undefined), undefined);
  });
});
