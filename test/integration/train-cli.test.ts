/** A model from a CSV by one command: the folder that comes out is served, the same bytes come again, and refusals say what to do. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { trainingLineage } from "../../engine/core/training-lineage.ts";
import { withExampleRow } from "../../engine/example-row.ts";
import { FeaturePlan } from "../../engine/feature-plan.ts";
import { compilePipeline } from "../../engine/transform/pipeline.ts";
import { readModelFolder } from "../../storage/model-folder.ts";
import { onnxRuntime } from "../../workers/runtime-onnx.ts";
import { warmUp } from "../../workers/warm-up.ts";
import { runCli } from "../support/cli.ts";
import { createRandom } from "../support/random.ts";

/** Spending rises with income, and club members spend more; a tenth of the incomes is missing. */
function csv(rows: number): string {
  const random = createRandom(11);
  const lines = Array.from({ length: rows }, (_, row) => {
    const income = random.next() * 100;
    const club = ["gold", "silver", ""][random.between(0, 2)] as string;
    const score = income / 50 - 1 + (club === "gold" ? 0.6 : 0) + (random.next() - 0.5);
    const at = new Date(Date.UTC(2026, 0, 1) + row * 3_600_000).toISOString();
    return [
      random.next() < 0.1 ? "NA" : income.toFixed(3),
      club,
      at,
      row % 50,
      score > 0 ? "buys" : "leaves",
    ].join(",");
  });
  return `income,club member,at,customer,outcome\n${lines.join("\n")}\n`;
}

describe("millrace train", () => {
  let folder: string;
  let file: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-train-"));
    file = join(folder, "Shop visits.csv");
    await writeFile(file, csv(1500));
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  const out = (name: string): string => join(folder, name);
  const train = async (name: string, ...more: string[]) =>
    runCli(["train", file, "--label", "outcome", "--model-type", "LINEAR", "--out", out(name), ...more]);

  it("writes a folder whose model answers requests, and says how good it is on rows it has not seen", async () => {
    const { code, stdout, stderr } = await train("plain", "--exclude", "customer");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /ROC AUC +0\.[89]\d* +0\.\d+ +0\.\d+/);
    assert.match(stdout, /serve it with: millrace models push .*plain --promote/);
    assert.match(stderr, /club member: is the input "club_member" of the model/);

    const content = await readModelFolder(out("plain"));
    const { manifest } = content;
    assert.equal(manifest.name, "shop_visits");
    assert.deepEqual(manifest.classes, ["buys", "leaves"]);
    const model = await onnxRuntime.load(withExampleRow(content));
    try {
      await warmUp(model, manifest, "model.onnx", withExampleRow(content).exampleRow);
      const plan = new FeaturePlan(manifest);
      const pipeline = compilePipeline(manifest.inputs, manifest.preprocessing ?? []);
      const answer = async (features: object): Promise<number> => {
        const raw = new Float32Array(plan.width);
        const texts = Array.from({ length: plan.texts }, () => "");
        assert.equal(plan.write(features, raw, 0, texts, 0), undefined);
        const row = new Float32Array(pipeline.width);
        assert.ok(pipeline.write(raw, 0, texts, 0, row, 0), pipeline.explain().message);
        const outputs = new Float32Array(2);
        await model.predict(row, 1, outputs);
        return outputs[0] as number;
      };
      const at = "2026-02-03T04:05:06Z";
      const rich = await answer({ income: 95, club_member: "gold", at });
      const poor = await answer({ income: 5, club_member: "silver", at });
      assert.ok(rich > 0.9 && poor < 0.1, `${rich} and ${poor} buy`);
      const unknown = await answer({ income: null, club_member: "platinum", at });
      assert.ok(
        unknown > 0.2 && unknown < 0.8,
        `${unknown}: neither a missing nor an unseen value is refused`,
      );
    } finally {
      await model.close();
    }
  });

  it("leaves missing values and categories to trees, in training and in serving alike", async () => {
    const { code, stderr } = await train(
      "trees",
      "--exclude",
      "customer",
      "--model-type",
      "GRADIENT_BOOSTING",
    );
    assert.equal(code, 0, stderr);
    const content = await readModelFolder(out("trees"));
    assert.equal(content.manifest.allow_nan, true);
    assert.deepEqual(
      content.manifest.preprocessing?.map(({ type }) => type),
      ["time_parts", "ordinal_encoder", "select"],
    );
    const model = await onnxRuntime.load(withExampleRow(content));
    try {
      const outputs = new Float32Array(2);
      const row = Float32Array.of(Number.NaN, Number.NaN, 2, 3, 4);
      await model.predict(row, 1, outputs);
      assert.ok(
        outputs.every((value) => value > 0 && value < 1),
        outputs.join(" "),
      );
    } finally {
      await model.close();
    }
  });

  it("writes the same bytes again, with a lineage that says where they come from", async () => {
    const options = ["--time-column", "at", "--embargo", "1d", "--entity-column", "customer", "--seed", "7"];
    for (const name of ["first", "second"]) {
      const { code, stderr } = await train(name, ...options);
      assert.equal(code, 0, stderr);
    }
    const files = await readdir(out("first"));
    assert.deepEqual(files.sort(), ["background.json", "model.json", "model.onnx", "training.json"]);
    for (const path of files)
      assert.deepEqual(
        await readFile(join(out("first"), path)),
        await readFile(join(out("second"), path)),
        path,
      );
    const { lineage } = JSON.parse(await readFile(join(out("first"), "training.json"), "utf8")) as {
      lineage: unknown;
    };
    const { data, validation, seed } = trainingLineage.parse(lineage);
    assert.deepEqual(data.inputs, ["income", "club_member"]);
    assert.equal(validation.method, "out_of_time");
    assert.equal(seed, 7);
    const { training, validation: stopping, test } = data.parts;
    assert.equal(test, 300);
    assert.equal(training + stopping + test, 1500 - 2 * 24, "a day is left out before each later part");
  });

  it("refuses what cannot be trained on with the remedy, and writes nothing", async () => {
    const refused = async (pattern: RegExp, ...args: string[]) => {
      const { code, stderr } = await runCli(["train", ...args, "--out", out("refused")]);
      assert.equal(code, 1);
      assert.match(stderr, pattern);
      assert.match(stderr, /^millrace: /m);
      assert.doesNotMatch(stderr, /^ {4}at /m);
    };
    await refused(/label_column: there is no "outcom"; did you mean "outcome"\?/, file, "--label", "outcom");
    await refused(/the file .*none\.csv is not there/, out("none.csv"), "--label", "x");
    await refused(
      /--model-type: there is no "LINAER"; did you mean "LINEAR"\?/,
      file,
      "--label",
      "outcome",
      "--model-type",
      "LINAER",
    );
    await refused(/C: /, file, "--label", "outcome", "--model-type", "LINEAR", "--parameters", '{"C": -1}');
    await refused(/is no JSON: write it as/, file, "--label", "outcome", "--parameters", "C=1");
    const leak = out("leak.csv");
    const lines = csv(400).trimEnd().split("\n");
    await writeFile(
      leak,
      lines.map((line, row) => `${line},${row === 0 ? "copy" : line.endsWith("buys") ? 1 : 0}`).join("\n"),
    );
    const ragged = out("ragged.csv");
    await writeFile(ragged, "a,b,label\n1,2,3\n1,2\n1,2,3,4\n");
    await refused(
      /the file .*ragged\.csv is no table: its lines differ.*quote fields/,
      ragged,
      "--label",
      "label",
    );
    const header = out("header.csv");
    await writeFile(header, "a,b,label\n");
    await refused(/the file .*header\.csv is no table: it has no rows/, header, "--label", "label");
    await refused(
      /copy: says 100\.0 % of the label alone.*leakage\.allow.*--allow-leak/,
      leak,
      "--label",
      "outcome",
    );
    const one = out("one.csv");
    await writeFile(one, lines.filter((line, row) => row === 0 || line.endsWith("buys")).join("\n"));
    await refused(/label: has one class only/, one, "--label", "outcome");
    const taken = await runCli(["train", file, "--label", "outcome", "--out", folder]);
    assert.match(taken.stderr, /is not empty: name another one/);
    await assert.rejects(readdir(out("refused")));
    const allowed = await runCli([
      "train",
      leak,
      "--label",
      "outcome",
      "--allow-leak",
      "copy",
      "--out",
      out("leak"),
    ]);
    assert.equal(allowed.code, 0, allowed.stderr);
    assert.match(allowed.stderr, /copy: says 100\.0 % of the label alone/);
  });
});
