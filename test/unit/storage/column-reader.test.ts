/** Columns out of RowBinary, however it is cut. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { RowBinaryWriter } from "../../../engine/core/row-binary.ts";
import { ColumnReader } from "../../../storage/column-reader.ts";
import { hasCode } from "../../support/error-code.ts";

const TEXTS = ["", "ä".repeat(100), "x", "x"];

function encoded(): Buffer {
  const writer = new RowBinaryWriter(1024);
  TEXTS.forEach((text, at) => {
    writer.reserve(64);
    writer.float32(at === 1 ? Number.NaN : at / 4);
    writer.string(text);
  });
  return writer.written();
}

it("rows cut at any byte are read as if they were whole", () => {
  const bytes = encoded();
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new ColumnReader(["number", "category"], 5);
    for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size));
    assert.equal(reader.rows, 4);
    assert.deepEqual(reader.finish(), [
      Float32Array.of(0, Number.NaN, 0.5, 0.75),
      [null, "ä".repeat(100), "x", "x"],
    ]);
  }
});

it("an answer that ends within a row is an error", () => {
  const reader = new ColumnReader(["number", "category"], 4);
  reader.read(encoded().subarray(0, -1));
  assert.throws(() => reader.finish(), hasCode("SERVICE_UNAVAILABLE", /cut off/));
});

it("texts of more than their bound are refused", () => {
  const reader = new ColumnReader(["category"], 300);
  const writer = new RowBinaryWriter(1024);
  assert.throws(
    () => {
      for (let at = 0; at < 300; at++) {
        writer.reset();
        writer.string(String(at).padEnd(1_000_000, "x"));
        reader.read(writer.written());
      }
    },
    hasCode("PAYLOAD_TOO_LARGE", /use fewer rows/),
  );
});
