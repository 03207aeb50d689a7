/**
 * `millrace models compare`: two models on the same rows of a file, out of folders and out of a registry.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { createRandom } from "../support/random.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

let folder: TempFolder;
let engine: TestEngine;
before(async () => {
  folder = await createTempFolder();
  engine = await startTestEngine({ sample: false });
  await writeFile(at("train.csv"), csvOf(1, 1500));
  await writeFile(at("judge.csv"), csvOf(2, 1200));
  for (const [type, name] of [
    ["GRADIENT_BOOSTING", "trees"],
    ["LINEAR", "line"],
  ] as const)
    await cli(
      "train",
      at("train.csv"),
      "--label",
      "y",
      "--model-type",
      type,
      "--name",
      "both",
      "--out",
      at(name),
    );
});
after(async () => {
  await engine?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

function at(name: string): string {
  return join(folder.path, name);
}

/** A label that only a model of products can learn. */
function csvOf(seed: number, rows: number): string {
  const random = createRandom(seed);
  const lines = Array.from({ length: rows }, () => {
    const [a, b] = [random.between(-100, 100), random.between(-100, 100)];
    const isPositive = a * b > 0 ? random.between(0, 9) > 0 : random.between(0, 9) === 0;
    return `${a},${b},${isPositive ? "yes" : "no"}`;
  });
  return `a,b,y\n${lines.join("\n")}\n`;
}

async function cli(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

describe("models compare", () => {
  it("shows both by metric, with the test of the difference, and what they cost", async () => {
    const text = await cli(
      "models",
      "compare",
      at("trees"),
      at("line"),
      "--file",
      at("judge.csv"),
      "--label",
      "y",
    );
    assert.match(text, /^both@1\.0\.0 against both@1\.0\.0: 1,200 out-of-time rows/);
    assert.match(text, /^roc_auc +0\.9\d* .*DeLong/m);
    assert.match(text, /^accuracy .*McNemar/m);
  });

  it("takes a version of a running engine, and gives JSON", async () => {
    await cli("models", "push", at("line"), "--url", engine.httpUrl);
    const args = ["--file", at("judge.csv"), "--label", "y", "--json", "--url", engine.httpUrl];
    const comparison = JSON.parse(await cli("models", "compare", at("trees"), "both@1.0.0", ...args)) as {
      readonly rows: number;
      readonly metrics: readonly {
        readonly metric: string;
        readonly gain: number;
        readonly p_value: number;
      }[];
    };
    assert.equal(comparison.rows, 1200);
    const auc = comparison.metrics.find(({ metric }) => metric === "roc_auc");
    assert.ok((auc?.gain ?? 0) > 0.3 && (auc?.p_value ?? 1) < 1e-6, JSON.stringify(auc));
  });

  it("names the input that the rows lack", async () => {
    await writeFile(at("narrow.csv"), csvOf(3, 200).replace("a,b,y", "a,c,y"));
    const { code, stderr } = await runCli([
      "models",
      "compare",
      at("trees"),
      at("line"),
      "--file",
      at("narrow.csv"),
      "--label",
      "y",
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /has no column b, an input of both@1\.0\.0, which is compared on these rows/);
  });
});
