/**
 * What the README and the banner tell people to paste works, on an engine that was started as they start it.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { featureSetBlock, README_FILE, readReadme, runnableBlocks } from "../support/readme.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

const CLI = "node dist/engine/cli.js";
const blocks = runnableBlocks(readReadme());

describe("the README's examples", () => {
  let engine: TestEngine;
  let folder: TempFolder;
  before(async () => {
    folder = await createTempFolder();
    engine = await startTestEngine();
  });
  after(async () => {
    await engine?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** Runs a pasted block, with this engine's ports in place of the default ones. */
  async function paste(block: string): Promise<string> {
    const text = block
      .replaceAll("http://127.0.0.1:8080", engine.httpUrl)
      .replaceAll("http://127.0.0.1:8123", engine.clickhouseUrl)
      .replaceAll("account.feature-set.json", join(folder.path, "account.feature-set.json"))
      .replaceAll("npx millrace", CLI);
    const env = { ...process.env, MILLRACE_URL: engine.httpUrl };
    const { stdout } = await promisify(execFile)("sh", ["-ec", text], { cwd: dirname(README_FILE), env });
    return stdout;
  }

  it("are found", () => {
    assert.equal(blocks.length, 5);
  });

  it("predict one row", async () => {
    const prediction = JSON.parse(await paste(blocks[0] ?? "")) as Record<string, unknown>;
    assert.equal(prediction["model_name"], "card-fraud");
    assert.equal(prediction["entity_id"], "card-7");
    assert.equal(typeof prediction["predicted_value"], "number");
  });

  it("show it in SQL", async () => {
    const table = await eventually("the row is there", async () => {
      const text = await paste(blocks[1] ?? "");
      return text.includes("card-7") && text;
    });
    assert.match(table, /electronics/);
  });

  it("answer a batch row by row", async () => {
    const { predictions } = JSON.parse(await paste(blocks[2] ?? "")) as {
      predictions: Record<string, unknown>[];
    };
    assert.equal(predictions.length, 2);
    assert.ok("predicted_value" in (predictions[0] ?? {}));
    assert.ok("error" in (predictions[1] ?? {}));
  });

  it("push and list models", async () => {
    const output = await paste(blocks[3] ?? "");
    assert.match(output, /pushed card-fraud 1\.0\.0/);
    assert.match(output, /production/);
  });

  it("apply and list a feature set", async () => {
    await writeFile(join(folder.path, "account.feature-set.json"), featureSetBlock(readReadme()));
    const output = await paste(blocks[4] ?? "");
    assert.match(output, /^applied account@1\.0\.0\naccount\n {2}1\.0\.0 +active\n$/);
  });

  it("and the banner's three work as they are printed", async () => {
    const [predict = "", publish = "", query = ""] = engine.banner
      .split("\n")
      .filter((line) => line.startsWith("    "));
    assert.match(await paste(predict), /"predicted_class"/);
    assert.match(await paste(publish), /^stored: message 1 of MILLRACE_REQUESTS/);
    const isStored = async (): Promise<boolean> =>
      (await engine.sql("SELECT 1 FROM millrace.predictions WHERE source = 'stream'")).length === 1;
    await eventually("the durable request is stored", isStored, 10_000);
    assert.match(await paste(query), /source: +stream/);
  });
});
