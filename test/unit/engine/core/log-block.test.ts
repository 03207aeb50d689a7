/** Blocks of the prediction log: what is written can be read by ClickHouse's rules, and damage is noticed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  LOG_COLUMNS,
  ROW_ID_OFFSET,
  ROW_SOURCE_OFFSET,
  readBlock,
} from "../../../../engine/core/log-block.ts";
import { SOURCES } from "../../../../engine/core/prediction.ts";
import { RowBinaryWriter } from "../../../../engine/core/row-binary.ts";
import { blockOf, decodeRows, testRow } from "../../../support/log-blocks.ts";

const TYPES = (
  "UInt64 UInt64 UInt64 UInt8 UUID String String String String String Float32 String Array(Float32) Array(Float32) " +
  "Array(String) Float32 Float32 Float32 UInt16 UInt64 UInt64 Array(Tuple(String,String,UInt64)) Array(Tuple(String,String))"
).split(" ");
const COLUMNS = LOG_COLUMNS.map((name, index) => [name, TYPES[index] ?? ""] as const);

const rowsOf = (block: Buffer): Buffer[] => {
  const rows: Buffer[] = [];
  readBlock(block, (start, end) => rows.push(block.subarray(start, end)));
  return rows;
};

describe("a block of the prediction log", () => {
  it("holds rows that a reader of RowBinary understands", async () => {
    const ids = ["", "short", "ü\ud800🙂", "x".repeat(128), "é".repeat(64), "y".repeat(41)];
    const block = await blockOf(
      ids.map((id) =>
        testRow({ requestId: id, entityId: id, source: "stream", idempotencyKey: `key ${id}` }),
      ),
    );
    const rows = rowsOf(block).map((row) => decodeRows(row, COLUMNS)[0] ?? {});
    assert.equal(rows.length, ids.length);
    for (const [index, row] of rows.entries()) {
      const id = Buffer.from(ids[index] ?? "").toString("utf8");
      assert.equal(row["entity_id"], id);
      const dashed = String(row["prediction_id"]).replace(
        /(.{8})(.{4})(.{4})(.{4})(.{12})/,
        "$1-$2-$3-$4-$5",
      );
      assert.equal(row["request_id"], id === "" ? dashed : id);
      assert.equal(row["model_name"], "mixed");
      assert.equal(row["model_version"], "1.0.0");
      assert.equal(row["source"], 3);
      assert.equal(row["predicted_value"], 0.25);
      assert.equal(row["predicted_class"], "no");
      assert.deepEqual(row["probabilities"], [0.75, 0.25]);
      assert.deepEqual(row["features"], [1.5, 40, 1]);
      assert.deepEqual(row["categories"], ["blue"]);
      assert.equal(row["batch_rows"], ids.length);
      assert.equal(row["prediction_date"], BigInt(Date.UTC(2026, 1, 3, 4, 5, 6, 789)));
      assert.equal(row["log_seq"], 0n);
      assert.deepEqual([row["features_date"], row["entities"], row["feature_status"]], [0n, [], []]);
    }
  });

  it("has the id where it can be reached without decoding", async () => {
    const [row = Buffer.alloc(0)] = rowsOf(await blockOf([testRow()]));
    const [decoded] = decodeRows(row, COLUMNS);
    const [high, low] = [
      row.subarray(ROW_ID_OFFSET, ROW_ID_OFFSET + 8),
      row.subarray(ROW_ID_OFFSET + 8, ROW_ID_OFFSET + 16),
    ];
    assert.equal(
      Buffer.from([...high.toReversed(), ...low.toReversed()]).toString("hex"),
      decoded?.["prediction_id"],
    );
  });

  it("is refused whole when it is damaged, before any row is handed on", async () => {
    const block = await blockOf([testRow(), testRow(), testRow()]);
    const damaged = [
      ...[0, 3, 15, 16, 17, 40, block.length - 1].map((length) => block.subarray(0, length)),
      Buffer.concat([block, Buffer.alloc(1)]),
      Buffer.concat([Buffer.from("XRB1"), block.subarray(4)]),
      changed(block, 4, 2),
      changed(block, 4, 4),
      changed(block, 4, 0xffffffff),
      changed(block, 16, 0),
      changed(block, 16, 40),
      changed(block, 16, 0xffffffff),
      ...[0, SOURCES.length + 1, 255].map((source) => changed(block, 16 + 4 + ROW_SOURCE_OFFSET, source)),
    ];
    for (const [index, bytes] of damaged.entries()) {
      let visited = 0;
      assert.throws(() => readBlock(bytes, () => visited++), { code: "INTERNAL" }, `damage ${index}`);
      assert.equal(visited, 0);
    }
    assert.equal(rowsOf(block).length, 3);
  });
});

function changed(block: Buffer, offset: number, value: number): Buffer {
  const copy = Buffer.from(block);
  copy.writeUInt32LE(value, offset);
  return copy;
}

describe("the RowBinary writer", () => {
  it("grows, and writes integers, lengths and texts as ClickHouse reads them", () => {
    const writer = new RowBinaryWriter(1);
    const numbers = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 - 1];
    writer.reserve(64);
    for (const number of numbers) writer.varint(number);
    const texts = [
      "",
      "a",
      "x".repeat(40),
      "x".repeat(41),
      "x".repeat(127),
      "ü".repeat(64),
      "x".repeat(20_000),
    ];
    for (const text of texts) writer.string(text);
    writer.reserve(8);
    writer.uint64(2 ** 53 - 1);
    let at = 0;
    const bytes = writer.written();
    const varint = (): number => {
      for (let value = 0, scale = 1; ; scale *= 128) {
        const byte = bytes[at++] ?? 0;
        value += (byte % 128) * scale;
        if (byte < 128) return value;
      }
    };
    assert.deepEqual(numbers.map(varint), numbers);
    const read = texts.map(() => {
      const length = varint();
      at += length;
      return bytes.toString("utf8", at - length, at);
    });
    assert.deepEqual(read, texts);
    assert.equal(bytes.readBigUInt64LE(at), BigInt(Number.MAX_SAFE_INTEGER));
    writer.reset();
    assert.equal(writer.length, 0);
  });
});
