import assert from "node:assert/strict";
import { it } from "node:test";
import { inputWidth, parseManifest } from "../../../engine/core/manifest.ts";
import { preprocessingStep } from "../../../engine/core/preprocessing.ts";
import { parseTrainingSpec } from "../../../engine/core/training-spec.ts";
import { between, readReadme, settingsTable } from "../../support/readme.ts";

it("the README's settings are those of the schema", () => {
  assert.equal(between(readReadme(), "settings"), settingsTable());
});

it("the README's preprocessing is that of a manifest, and its table has every step", () => {
  const readme = readReadme();
  const [, json = "{}"] = /<!-- test: preprocessing -->\n```json\n([\s\S]*?)```/.exec(readme) ?? [];
  const part = JSON.parse(json) as Record<string, unknown>;
  const outputs = [{ name: "value", type: "value" }];
  const manifest = parseManifest({ name: "readme", version: "1.0.0", runtime: "onnx", outputs, ...part });
  assert.equal(inputWidth(manifest), 7);
  for (const { shape } of preprocessingStep.options)
    assert.match(readme, new RegExp(`^\\|.*\`${shape.type.value}\``, "m"));
});

it("the README's specification of a training job is one", () => {
  const [, json = "{}"] = /<!-- test: training -->\n```json\n([\s\S]*?)```/.exec(readReadme()) ?? [];
  const { model_name, search } = parseTrainingSpec(JSON.parse(json));
  assert.deepEqual([model_name, search?.trials_max], ["card-fraud", 30]);
});
