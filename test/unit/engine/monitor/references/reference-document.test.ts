/** The JSON of a reference: what fits a model and what does not, from rows with and without labels. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  buildReference,
  referenceRowsMax,
} from "../../../../../engine/monitor/references/reference-content.ts";
import { parseReference } from "../../../../../engine/monitor/references/reference-document.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { mixedManifest } from "../../../../support/manifests.ts";
import { createRandom } from "../../../../support/random.ts";
import { mixedProfile, mixedValues } from "../../../../support/reference-rows.ts";

const manifest = mixedManifest();

/** Scores whose rows are positive with the probability `truth` of them. */
function binaryRows(rows: number, truth: (score: number) => number) {
  const random = createRandom(11);
  const scores = Float32Array.from({ length: rows }, () => random.next());
  const labels = Uint8Array.from(scores, (score) => (random.next() < truth(score) ? 1 : 0));
  return {
    kind: "binary",
    scores,
    predicted: Uint8Array.from(scores, (score) => Number(score >= 0.5)),
    labels,
  } as const;
}

function refused(json: unknown, pattern: RegExp, model = manifest): void {
  assert.throws(() => parseReference(json, model), hasCode("INVALID_REQUEST", pattern));
}

describe("a reference", () => {
  it("that was built can be parsed again, with metrics and estimator", () => {
    const labelled = binaryRows(2000, (score) => score);
    const content = buildReference(manifest, { values: mixedValues(200), labelled });
    assert.ok((content.metrics?.roc_auc?.value ?? 0) > 0.7);
    assert.deepEqual(parseReference(JSON.parse(JSON.stringify(content)), manifest), content);
    assert.deepEqual(Object.keys(buildReference(manifest, { values: mixedValues(200) })), ["profile"]);
  });

  it("calibrates scores for the estimate only where they are no probabilities", () => {
    const estimatorOf = (truth: (score: number) => number) =>
      buildReference(manifest, { values: mixedValues(200), labelled: binaryRows(5000, truth) }).estimator;
    assert.equal(estimatorOf((score) => score)?.calibrator.type, "none");
    assert.equal(estimatorOf((score) => score ** 2)?.calibrator.type, "isotonic");
  });

  it("without a single labelled row has no metrics", () => {
    const labelled = binaryRows(0, () => 0);
    assert.deepEqual(Object.keys(buildReference(manifest, { values: mixedValues(200), labelled })), [
      "profile",
    ]);
  });

  it("may leave out outputs, but no input, and has the model's columns in its order", () => {
    const profile = mixedProfile();
    const [size, age, color, isNew] = profile.columns;
    const inputs = profile.columns.slice(0, 4);
    assert.equal(
      parseReference({ profile: { ...profile, columns: inputs } }, manifest).profile.columns.length,
      4,
    );
    const withColumns = (...columns: unknown[]) => ({ profile: { ...profile, columns } });
    refused(withColumns(size, age, color), /new: is an input of the model/);
    refused(withColumns(age, size, color, isNew), /size: must stand before age/);
    refused(withColumns(size, age, color, isNew, size), /size: is there twice/);
    refused(withColumns({ ...size, name: "weight" }, age, color, isNew), /weight: is no column of the model/);
    refused(withColumns({ ...size, role: "output" }, age, color, isNew), /size: must have the role input/);
    refused(withColumns({ ...color, name: "size" }, age, color, isNew), /size: must be of type number/);
  });

  it("names the column and field that is damaged", () => {
    const profile = mixedProfile();
    const [size, ...rest] = profile.columns;
    assert.ok(size?.type === "number");
    const withSize = (change: Record<string, unknown>) => ({
      profile: { ...profile, columns: [{ ...size, ...change }, ...rest] },
    });
    refused(withSize({ counts: [1] }), /size: counts must have one more than edges/);
    refused(withSize({ mean: undefined }), /size: mean, std, min and max must be there/);
    refused(withSize({ mean: Number.POSITIVE_INFINITY }), /size\.mean/);
    refused(withSize({ state: "empty" }), /size: mean, std, min and max/);
    refused(withSize({ min: 5, max: -5 }), /size: min must be below max/);
    refused(withSize({ unknown: 1 }), /size: .*unknown/);
    refused({ profile: { ...profile, rows: 1 } }, /profile: count and null_count/);
    refused({}, /profile/);
    refused(null, /reference/);
  });

  it("with too few rows is refused", () => {
    const profile = mixedProfile();
    const empty = profile.columns.map(({ name, role, type }) => ({
      name,
      role,
      type,
      state: "empty",
      count: 0,
      null_count: 50,
      counts: [0],
      ...(type === "number" ? { edges: [] } : { values: [] }),
    }));
    refused({ profile: { ...profile, rows: 50, columns: empty } }, /profile\.rows: is 50; give at least 100/);
  });

  it("has metrics of its kind of model only", () => {
    const profile = mixedProfile();
    refused({ profile, metrics: { mae: { value: 1 } } }, /metrics\.mae: is no metric of a binary model/);
    refused({ profile, metrics: { luck: { value: 1 } } }, /metrics/);
    refused({ profile, metrics: { roc_auc: { value: Number.NaN } } }, /metrics\.roc_auc\.value/);
    const { estimator } = buildReference(manifest, {
      values: mixedValues(200),
      labelled: binaryRows(500, (score) => score),
    });
    const regression = mixedManifest({ classes: undefined, outputs: [{ name: "value", type: "value" }] });
    const columns = profile.columns.slice(0, 5);
    assert.ok(parseReference({ profile: { ...profile, columns } }, regression));
    refused(
      { profile: { ...profile, columns }, estimator },
      /estimator: is for models of two classes/,
      regression,
    );
  });

  it("is made from fewer rows where there are many columns", () => {
    assert.equal(referenceRowsMax(30), 1_000_000);
    assert.equal(referenceRowsMax(4096), 15_625);
  });
});
