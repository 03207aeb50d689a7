/** Which inputs the columns of a pipeline are made of. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LayoutInput } from "../../../../engine/core/column.ts";
import { layoutOf } from "../../../../engine/core/column-layout.ts";
import { columnOrigins } from "../../../../engine/core/column-origins.ts";
import type { PreprocessingStep } from "../../../../engine/core/preprocessing.ts";

const INPUTS: readonly LayoutInput[] = [
  { name: "age", type: "float", nullable: true },
  { name: "job", type: "text" },
  { name: "lat", type: "float" },
  { name: "lon", type: "float" },
  { name: "at", type: "timestamp" },
  { name: "also", type: "timestamp" },
];

const STEPS: readonly PreprocessingStep[] = [
  {
    type: "imputer",
    columns: ["lat", "age"],
    strategy: "mean",
    statistics: [1, 2],
    indicators: ["age"],
  },
  { type: "haversine_distance", from: ["lat", "lon"], to: [48, 11], output: "distance" },
  { type: "geohash", columns: ["lat", "lon"], precision: 2, output: "cell" },
  { type: "one_hot_encoder", columns: ["job", "cell"], categories: [["cook", "smith"], ["u1"]] },
  { type: "time_parts", columns: ["also", "at"], parts: ["hour", "month"] },
  { type: "standard_scaler", columns: ["age"], outputs: ["scaled"], mean: [0], scale: [1] },
  { type: "polynomial_features", columns: ["age", "job", "distance"], output: "products" },
  {
    type: "select",
    columns: [
      "products",
      "scaled",
      "distance",
      "missingindicator_age",
      "job_smith",
      "cell",
      "also_month",
      "at_hour",
      "lon",
    ],
  },
];

describe("origins of columns", () => {
  it("follow every step to the inputs, products to their factors", () => {
    const origins = columnOrigins(INPUTS, STEPS);
    const names = layoutOf(INPUTS, STEPS).features.map(({ name }) => name);
    const found = names.map((name, at) => [name, origins[at]?.map((input) => INPUTS[input]?.name).join(" ")]);
    assert.deepEqual(found, [
      ["age^2", "age"],
      ["age job_cook", "age job"],
      ["age job_smith", "age job"],
      ["age distance", "age lat lon"],
      ["job_cook^2", "job"],
      ["job_cook job_smith", "job"],
      ["job_cook distance", "job lat lon"],
      ["job_smith^2", "job"],
      ["job_smith distance", "job lat lon"],
      ["distance^2", "lat lon"],
      ["scaled", "age"],
      ["distance", "lat lon"],
      ["missingindicator_age", "age"],
      ["job_smith", "job"],
      ["cell_u1", "lat lon"],
      ["also_month", "also"],
      ["at_hour", "at"],
      ["lon", "lon"],
    ]);
  });

  it("are the inputs themselves without steps", () => {
    assert.deepEqual(columnOrigins(INPUTS.slice(2, 4), []), [[0], [1]]);
  });
});
