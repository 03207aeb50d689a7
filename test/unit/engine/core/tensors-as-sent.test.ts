/** Forms of tensors that clients send though the protocol does not say so. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromTensorBytes } from "../../../../engine/core/tensor-bytes.ts";
import { fromTensorJson, parseTensorJson } from "../../../../engine/core/tensor-json.ts";

describe("tensors as clients send them", () => {
  it("have any byte but 0 for true, which the model gets as 1", () => {
    const spec = { name: "x", datatype: "BOOL", shape: [4] } as const;
    const sent = Uint8Array.of(0, 1, 2, 255);
    assert.deepEqual([...fromTensorBytes(spec, sent)], [0, 1, 1, 1]);
    assert.deepEqual([...sent], [0, 1, 2, 255]);
  });

  it("have whole numbers as 1.0 and truth values as 1.0 and 0.0", () => {
    const whole = fromTensorJson(
      { name: "x", datatype: "INT64", shape: [2] },
      parseTensorJson("[1.0, -2.0]"),
    );
    assert.deepEqual(whole, new Uint8Array(BigInt64Array.of(1n, -2n).buffer));
    const flags = fromTensorJson({ name: "x", datatype: "BOOL", shape: [2] }, parseTensorJson("[1.0, 0.0]"));
    assert.deepEqual([...flags], [1, 0]);
  });

  it("have fractions of 16 and 17 digits beside whole numbers that a double does not hold", () => {
    assert.deepEqual(
      parseTensorJson("[0.3645724058151245, -1.2345678901234568e-300]"),
      [0.3645724058151245, -1.2345678901234568e-300],
    );
    assert.deepEqual(parseTensorJson("[0.3645724058151245,9007199254740993,-9223372036854775808]"), [
      0.3645724058151245,
      9007199254740993n,
      -9223372036854775808n,
    ]);
  });
});
