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
  for (const folder of TENSOR_MODEL_FOLDERS) {
    const response = await engine.post("/models", pushBody(readModelFolder(folder), "production"));
    assert.equal(response.status, 201, `${folder}: ${await response.text()}`);
  }
  for (const folder of TENSOR_MODEL_FOLDERS) {
    const name = folder.split("/").at(-1) ?? "";
    await eventually(
      `${name} is ready`,
      async () => (await engine.get(`/v2/models/${name}/ready`)).status === 200,
      30_000,
    );
  }
}
