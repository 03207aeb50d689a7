/**
 * What the README and the banner tell people to paste works, on an engine that was started as they start it.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import type { Prediction } from "../../engine/core/prediction.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { featureSetBlock, README_FILE, readReadme, runnableBlocks } from "../support/readme.ts";
import { payments } from "../support/reference-rows.ts";
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
      .replaceAll("labels.csv", join(folder.path, "labels.csv"))
      .replaceAll("report.html", join(folder.path, "report.html"))
      .replaceAll("rows.csv", join(folder.path, "rows.csv"))
      .replaceAll("web-fraud-model", join(folder.path, "web-fraud-model"))
      .replaceAll("card-fraud-1.1.0", join(folder.path, "card-fraud-1.1.0"))
      .replaceAll("npx millrace", CLI);
    const own = { MILLRACE_URL: engine.httpUrl, MILLRACE_DATA_DIR: engine.dataDir, NATS_URL: engine.natsUrl };
    const env = { ...process.env, ...own };
    const { stdout } = await promisify(execFile)("sh", ["-ec", text], { cwd: dirname(README_FILE), env });
    return stdout;
  }

  async function predictFirst(): Promise<Prediction> {
    return JSON.parse(await paste(blocks[0] ?? "")) as Prediction;
  }

  it("are found", () => {
    assert.equal(blocks.length, 16);
  });

  it("predict one row, with defaults for what is not known yet", async () => {
    const prediction = await predictFirst();
    assert.equal(prediction.model_name, "card-fraud");
    assert.equal(prediction.predicted_class, "fraud");
    assert.equal(prediction.feature_status?.["amount_avg_30d"], "missing");
  });

  it("tell of a payment, show the card's features, and change the same prediction", async () => {
    const before = await predictFirst();
    const [stored = "", shown = ""] = (await paste(blocks[1] ?? "")).split("\n");
    assert.match(stored, /^stored: message 1 of MILLRACE_FEATURES/);
    assert.equal((JSON.parse(shown) as { entity_id: string }).entity_id, "card-0007");
    const after = await eventually("the event is known", async () => {
      const prediction = await predictFirst();
      return prediction.feature_status?.["amount_avg_30d"] === undefined ? prediction : undefined;
    });
    assert.ok(after.predicted_value < before.predicted_value / 2);
  });

  it("show payments as they come in", async () => {
    assert.match(await paste(blocks[2] ?? ""), /card-0001 pays .* transactions_1h=[1-9]/);
  });

  it("show the predictions in SQL", async () => {
    const table = await eventually("the rows are there", async () => {
      const text = await paste((blocks[3] ?? "").replace("LIMIT 5", "LIMIT 50"));
      return text.includes("card-0007") && text;
    });
    assert.match(table, /merchant-042/);
  });

  it("answer a batch row by row", async () => {
    const { predictions } = JSON.parse(await paste(blocks[4] ?? "")) as {
      predictions: Record<string, unknown>[];
    };
    assert.equal(predictions.length, 2);
    assert.ok("predicted_value" in (predictions[0] ?? {}));
    assert.ok("error" in (predictions[1] ?? {}));
  });

  it("push and list models", async () => {
    const output = await paste(blocks[5] ?? "");
    assert.match(output, /pushed card-fraud 1\.0\.0/);
    assert.match(output, /production/);
  });

  it("apply and list a feature set", async () => {
    await writeFile(join(folder.path, "account.feature-set.json"), featureSetBlock(readReadme()));
    const output = await paste(blocks[6] ?? "");
    assert.match(output, /^applied account@1\.0\.0\naccount\n {2}1\.0\.0 +(active|backfilling)\n/);
  });

  it("label a prediction, correct it from a file, and show both", async () => {
    const output = await paste(blocks[7] ?? "");
    assert.match(output, /"accepted":1/);
    assert.match(output, /1 labels sent, 0 lines refused$/m);
    const shown = await eventually("the labels are stored", async () => {
      const text = await paste(blocks[8] ?? "");
      return text.includes('"matched":2') && text.includes("order-17") && text; // the prediction and its labels come by two ways
    });
    assert.match(shown, /order-17 .* legitimate .* request_id/);
  });

  it("compare predictions with a reference, and show how the model is watched", async () => {
    const predict = async (factor: number): Promise<void> => {
      const instances = payments(1_000, factor).map((row) => ({
        features: { ...row, amount: Number(row.amount) * factor },
      }));
      assert.equal((await engine.post("/predict/batch", { instances })).status, 200);
    };
    await predict(1);
    const made = await eventually(
      "the predictions are stored",
      async () => {
        const text = await paste(blocks[9] ?? "").catch(() => ""); // too few rows as yet
        return Number(/^(\d+) rows/m.exec(text)?.[1]) >= 1_000 && text;
      },
      20_000,
    );
    assert.match(made, /^reference of card-fraud 1\.0\.0: [0-9a-f]{64}$/m);
    await predict(2);
    const table = await eventually(
      "the predictions are counted",
      async () => {
        const text = await paste(blocks[10] ?? "");
        return text.startsWith("card-fraud 1.0.0: drift") && text;
      },
      20_000,
    );
    assert.match(table, /^amount +drift/m);
    assert.match(await readFile(join(folder.path, "report.html"), "utf8"), /<svg /);
    assert.match(await paste(blocks[11] ?? ""), /^drift\.windows_needed +3 +default +k: windows with drift/m);
  });

  it("sign a model, try the next version as a canary, withdraw it, and show who did what", async () => {
    const signed = await paste(blocks[13] ?? "");
    const [, id] = /^created key ([0-9a-f]{32}):/.exec(signed) ?? [];
    assert.match(signed, new RegExp(`pushed card-fraud 1\\.0\\.0 .* signed with key ${id}`));
    assert.match(signed, new RegExp(`^${id}  trusted, signs$`, "m"));
    const deployed = await paste(blocks[14] ?? "");
    assert.match(deployed, /^ {2}1\.1\.0 +canary$/m);
    assert.match(deployed, /^ {2}canary 1\.1\.0: step 1 of 2, 5 % for 10m since /m);
    assert.match(deployed, /^ {2}1\.1\.0 +registered$/m);
    const table = await eventually("the changes are stored", async () => {
      const text = await paste(blocks[15] ?? "");
      return text.includes("canary_rolled_back") && text;
    });
    assert.match(table, /canary_started .* CANARY .* better on May/);
    assert.match(table, /canary_rolled_back .* REGISTERED .* not before the weekend/);
  });

  it("and the banner's work as they are printed", async () => {
    const lines = engine.banner.split("\n").filter((line) => line.startsWith("    "));
    assert.equal(lines.length, 6);
    const [predict = "", tell = "", features = "", simulate = "", publish = "", query = ""] = lines;
    assert.match(await paste(predict), /"predicted_class"/);
    assert.match(await paste(tell), /^stored: message [0-9]+ of MILLRACE_FEATURES/);
    assert.match(await paste(features), /"entity_id":"card-0001".*"transactions_1h":[1-9]/);
    assert.match(await paste(`${simulate} --seconds 1`), /^published [0-9]+ payments/m);
    assert.match(await paste(publish), /^stored: message 1 of MILLRACE_REQUESTS/);
    const isStored = async (): Promise<boolean> =>
      (await engine.sql("SELECT 1 FROM millrace.predictions WHERE source = 'stream'")).length === 1;
    await eventually("the durable request is stored", isStored, 10_000);
    assert.match(await paste(query), /source: +stream/);
  });

  it("train a model from a file of rows, and serve it", async () => {
    const output = await paste(blocks[12] ?? "");
    assert.match(output, /^trained on \d+ rows, stopped by \d+, judged by \d+ others:$/m);
    assert.match(output, /^ROC AUC +0\.[6-9]/m);
    assert.match(output, /pushed web-fraud 1\.0\.0/);
    const fraudIn = async (kind: string): Promise<number> =>
      eventually("it serves", async () => {
        const features = { amount: 450, hour: 3, kind };
        const answer = await engine.post("/predict", { model: "web-fraud", features });
        return answer.status === 200 && ((await answer.json()) as Prediction).predicted_value;
      });
    assert.ok((await fraudIn("web")) > 2 * (await fraudIn("shop")));
  });
});
