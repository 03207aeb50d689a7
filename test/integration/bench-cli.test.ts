/** `millrace bench` against a running engine: what it measures, writes and refuses. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { PAYMENT } from "../support/card-fraud.ts";
import { runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

describe("millrace bench", () => {
  let engine: TestEngine;
  let folder: TempFolder;
  before(async () => {
    folder = await createTempFolder();
    engine = await startTestEngine();
  });
  after(async () => {
    await engine?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });
  const bench = async (...args: string[]) =>
    runCli(["bench", "--url", engine.httpUrl, "--seconds", "0.5", "--out", folder.path, ...args]);

  it("asks for the model's example at a rate, and writes all numbers and a page", async () => {
    const { code, stdout, stderr } = await bench("--rate", "100");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Open loop at 100 requests\/s/);
    const { raw } = JSON.parse(await readFile(join(folder.path, "bench.json"), "utf8")) as {
      raw: { result: { statuses: Record<string, number>; latency: { count: number; curve: unknown[] } } };
    };
    const { statuses, latency } = raw.result;
    assert.deepEqual(Object.keys(statuses), ["200"]);
    assert.ok(latency.count > 20 && latency.curve.length > 5, JSON.stringify(latency));
    const page = await readFile(join(folder.path, "bench.html"), "utf8");
    assert.match(page, /^<!doctype html>/);
    assert.doesNotMatch(page, /<script|https?:\/\/(?!127\.0\.0\.1)/, "it needs nothing else");
  });

  it("takes requests from a file, one per line", async () => {
    const file = join(folder.path, "requests.jsonl");
    const lines = [1, 2, 3].map((amount) => JSON.stringify({ features: { ...PAYMENT, amount } }));
    await writeFile(file, lines.join("\n"));
    const { code, stderr } = await bench("--rate", "50", "--body", file);
    assert.equal(code, 0, stderr);
  });

  it("says what is wrong before it measures anything", async () => {
    const file = join(folder.path, "wrong.jsonl");
    await writeFile(file, `${JSON.stringify({ features: {} })}\n{`);
    assert.match((await bench("--body", file)).stderr, /wrong\.jsonl: line 2 is no JSON/);
    assert.match((await bench("--model", "nobody")).stderr, /there is no model "nobody"/);
    assert.match((await bench("--rate", "0")).stderr, /it must be above 0, at most 200000/);
    await writeFile(file, JSON.stringify({ features: { ...PAYMENT, amount: "much" } }));
    assert.match((await bench("--body", file)).stderr, /features\.amount must be a number/);
  });
});
