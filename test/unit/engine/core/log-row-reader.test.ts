/** Reading stored predictions in place: parts of any length, and bytes that are no whole row. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { behindLength, LogRowReader, lengthAt } from "../../../../engine/core/log-row-reader.ts";
import { type LogRow, logRowsOf } from "../../../support/log-rows.ts";

const LONG = "x".repeat(300);
const ROWS: readonly LogRow[] = [
  {},
  {
    variant: "challenger",
    value: 0.25,
    class: "good",
    numbers: [1, 2],
    texts: ["red", ""],
    loggedMs: 5,
    dateMs: 7,
  },
  {
    model: "m".repeat(200),
    requestId: LONG,
    entityId: LONG,
    class: LONG,
    probabilities: Array(200).fill(0.5),
    numbers: Array.from({ length: 300 }, (_, at) => at),
    texts: Array(130).fill(LONG),
    loggedMs: 1_763_700_000_123,
    dateMs: 1_763_700_000_001,
    entities: Array.from({ length: 140 }, () => ["customer", LONG, 9] as const),
    status: Array.from({ length: 150 }, () => ["amount", LONG] as const),
  },
  { class: "bad", entities: [["card", "a", 1]], status: [["amount", "missing"]], dateMs: 9 },
];

/** What the reader says of each row. */
function read(bytes: Buffer): unknown[] {
  const reader = new LogRowReader(bytes);
  const textAt = (at: number): [text: string, end: number] => {
    const start = behindLength(bytes, at);
    const end = start + lengthAt(bytes, at);
    return [bytes.toString("utf8", start, end), end];
  };
  const rows: unknown[] = [];
  while (reader.next()) {
    const texts: string[] = [];
    for (let at = reader.textsAt; texts.length < reader.texts; ) {
      const [text, end] = textAt(at);
      texts.push(text);
      at = end;
    }
    rows.push({
      series: reader.series(),
      loggedMs: reader.loggedMs,
      dateMs: reader.dateMs,
      value: reader.view.getFloat32(reader.valueAt, true),
      class: textAt(reader.classAt)[0],
      numbers: Array.from({ length: reader.numbers }, (_, at) =>
        reader.view.getFloat32(reader.numbersAt + 4 * at, true),
      ),
      texts,
    });
  }
  return rows;
}

describe("reader of log rows", () => {
  it("finds the parts of rows, short and long", () => {
    const expected = ROWS.map((row) => ({
      series: [row.model ?? "counted", "1.0.0", row.variant ?? ""],
      loggedMs: row.loggedMs ?? 0,
      dateMs: row.dateMs ?? 0,
      value: row.value ?? 0,
      class: row.class ?? "",
      numbers: row.numbers ?? [],
      texts: row.texts ?? [],
    }));
    assert.deepEqual(read(logRowsOf(ROWS)), expected);
    assert.deepEqual(read(Buffer.alloc(0)), []);
  });

  it("refuses a row that is cut off, wherever that is", () => {
    for (const row of [ROWS[1], ROWS[3]] as LogRow[]) {
      const bytes = logRowsOf([row]);
      for (let length = 1; length < bytes.length; length++)
        assert.throws(() => read(bytes.subarray(0, length)), RangeError, `${length} bytes`);
    }
  });
});
