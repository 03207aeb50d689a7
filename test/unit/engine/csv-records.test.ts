import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CsvRecord, csvRecords } from "../../../engine/csv-records.ts";

async function parse(bytes: Buffer, chunkBytes = bytes.length || 1): Promise<CsvRecord[]> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  const records: CsvRecord[] = [];
  for await (const record of csvRecords(chunks())) records.push(record);
  return records;
}

/** Line and fields, or line and problem. */
async function read(text: string): Promise<unknown[]> {
  return (await parse(Buffer.from(text))).map((one) => [
    one.line,
    "problem" in one ? one.problem : one.fields,
  ]);
}

describe("records of a CSV file", () => {
  it("have fields, quoted or not, with commas, quotes and line breaks inside quotes", async () => {
    const text = 'a,b\r\n"x, y","say ""hi""\nthere"\n,\n"",z\nlast,"one"';
    assert.deepEqual(await read(text), [
      [1, ["a", "b"]],
      [2, ["x, y", 'say "hi"\nthere']],
      [4, ["", ""]],
      [5, ["", "z"]],
      [6, ["last", "one"]],
    ]);
  });

  it("do not count empty lines, nor a byte order mark", async () => {
    assert.deepEqual(await read("\ufeffa\r\n\r\n\nb\n\n"), [
      [1, ["a"]],
      [4, ["b"]],
    ]);
    assert.deepEqual(await read('""\n'), [[1, [""]]], "a quoted empty field is a field");
    assert.deepEqual(await read(""), []);
  });

  it("are the same whatever chunks they come in", async () => {
    const bytes = Buffer.from('ä,"ö\r\nü"\r\n"a""",😀\r\nx"y,z\r\n"end');
    const whole = await parse(bytes);
    for (let size = 1; size < 12; size++) assert.deepEqual(await parse(bytes, size), whole);
    assert.equal(whole.length, 4);
  });

  it("that break the rules are problems, and the next line is read", async () => {
    const found = await read('ok,1\na"b,2\n"a"b,3\nok,4\n"open,5\nstill');
    assert.deepEqual(found, [
      [1, ["ok", "1"]],
      [2, "has a quote inside a field that is not quoted"],
      [3, "has text behind a closing quote"],
      [4, ["ok", "4"]],
      [5, "a quoted field is never closed"],
    ]);
    const latin = await parse(
      Buffer.concat([Buffer.from("a\n"), Buffer.from([0x62, 0xe4, 0x0a]), Buffer.from("c")]),
    );
    assert.deepEqual(latin[1], { line: 2, problem: "is no UTF-8" });
    assert.deepEqual(latin[2], { line: 3, fields: ["c"] });
  });

  it("are bounded: a quote that is never closed does not take the whole file into memory", async () => {
    const [first] = await read(`"${"x".repeat(2 * 1024 * 1024)}\n`);
    assert.match((first as [number, string])[1], /is longer than 1048576 characters/);
  });
});
