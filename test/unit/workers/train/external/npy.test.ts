/** Files as NumPy 2.4 writes them: base64 of numpy.save() of the same arrays. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { npyOfColumns, npyOfValues } from "../../../../../workers/train/external/npy.ts";

describe("files for NumPy", () => {
  it("hold a matrix row by row, missing values included", () => {
    const columns = [
      [1, 3.25],
      [Number.NaN, 0],
      [-2.5, 1e30],
    ].map((values) => Float32Array.from(values));
    assert.equal(
      Buffer.from(npyOfColumns(columns, 2)).toString("base64"),
      "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAg" +
        "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAIA/AADAfwAAIMAAAFBAAAAAAMrySXE=",
    );
  });

  it("hold values", () => {
    assert.equal(
      Buffer.from(npyOfValues(Float64Array.of(0, 1, 0.1))).toString("base64"),
      "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAg" +
        "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAPA/mpmZmZmZuT8=",
    );
  });
});
