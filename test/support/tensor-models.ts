/** The models of test/fixtures/tensors, and an ordinary one, in an engine. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { TestEngine } from "./engine.ts";
import { eventually } from "./eventually.ts";
import { PROJECT, readModelFolder } from "./model-folder.ts";
import { pushBody } from "./model-requests.ts";

const TENSORS = "test/fixtures/tensors";

export const TENSOR_MODEL_FOLDERS: readonly string[] = [
  ...readdirSync(join(PROJECT, TENSORS)).map((name) => `${TENSORS}/${name}`),
  "test/fixtures/bench",
];

/** Pushes and promotes them; resolves when all are ready. */
export async function serveTensorModels(engine: TestEngine): Promise<void> {
  const models = TENSOR_MODEL_FOLDERS.map(readModelFolder);
  for (const model of models) {
    const response = await engine.post("/models", pushBody(model, "production"));
    assert.equal(response.status, 201, `${model.manifest.name}: ${await response.text()}`);
  }
  for (const { name } of models.map(({ manifest }) => manifest))
    await eventually(
      `${name} is ready`,
      async () => (await engine.get(`/v2/models/${name}/ready`)).status === 200,
      30_000,
    );
}
