/**
 * Reading a model folder: what belongs to it, and an error for each way in which it can be wrong.
 */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EngineError } from "../../../engine/core/errors.ts";
import { readModelFolder } from "../../../storage/model-folder.ts";
import { modelContent } from "../../support/model-content.ts";
import { createTempFolder } from "../../support/temp-folder.ts";

const { manifest } = modelContent();

function isInvalid(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, "MODEL_INVALID");
    assert.match(error.message, pattern);
    return true;
  };
}

test("an ONNX folder is its manifest and model.onnx, whatever else lies there", async () => {
  await using folder = await createTempFolder();
  writeFileSync(join(folder.path, "model.json"), JSON.stringify(manifest));
  writeFileSync(join(folder.path, "model.onnx"), "onnx");
  writeFileSync(join(folder.path, "notes.txt"), "not part of it");
  const content = await readModelFolder(folder.path);
  assert.deepEqual(content.manifest, manifest);
  assert.deepEqual(
    [...content.files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]),
    [["model.onnx", "onnx"]],
  );
});

test("a TensorFlow.js folder is everything below tfjs/", async () => {
  await using folder = await createTempFolder();
  writeFileSync(join(folder.path, "model.json"), JSON.stringify({ ...manifest, runtime: "tfjs" }));
  await assert.rejects(readModelFolder(folder.path), isInvalid(/tfjs\/model\.json: is missing/));
  mkdirSync(join(folder.path, "tfjs", "weights"), { recursive: true });
  writeFileSync(join(folder.path, "tfjs", "weights", "a.bin"), "a");
  await assert.rejects(readModelFolder(folder.path), isInvalid(/tfjs\/model\.json: is missing/));
  writeFileSync(join(folder.path, "tfjs", "model.json"), "{}");
  const { files } = await readModelFolder(folder.path);
  assert.deepEqual([...files.keys()], ["tfjs/model.json", "tfjs/weights/a.bin"]);
  symlinkSync("/etc/hostname", join(folder.path, "tfjs", "link.bin"));
  await assert.rejects(readModelFolder(folder.path), isInvalid(/tfjs\/link\.bin: is a symbolic link/));
});

test("what is missing, broken, linked or too large is named", async () => {
  await using folder = await createTempFolder();
  const file = (name: string) => join(folder.path, name);
  await assert.rejects(readModelFolder(file("nowhere")), isInvalid(/nowhere: is not a folder/));
  await assert.rejects(readModelFolder(folder.path), isInvalid(/^model\.json: is missing/));
  writeFileSync(file("model.json"), "{ not json");
  await assert.rejects(readModelFolder(folder.path), isInvalid(/^model\.json: is not JSON/));
  writeFileSync(file("model.json"), "{}");
  await assert.rejects(readModelFolder(folder.path), isInvalid(/^model\.json: name/));
  writeFileSync(file("model.json"), " ".repeat(5 * 1024 * 1024));
  await assert.rejects(readModelFolder(folder.path), isInvalid(/^model\.json: is too large/));
  writeFileSync(file("model.json"), JSON.stringify(manifest));
  await assert.rejects(readModelFolder(folder.path), isInvalid(/^model\.onnx: is missing/));
  symlinkSync("/etc/hostname", file("model.onnx"));
  await assert.rejects(readModelFolder(folder.path), isInvalid(/^model\.onnx: is a symbolic link/));
});

test("a folder in the place of model.onnx and a file over the bound are refused", async () => {
  await using folder = await createTempFolder();
  writeFileSync(join(folder.path, "model.json"), JSON.stringify(manifest));
  mkdirSync(join(folder.path, "model.onnx"));
  await assert.rejects(readModelFolder(folder.path), isInvalid(/^model\.onnx: is not a regular file/));
  await using other = await createTempFolder();
  writeFileSync(join(other.path, "model.json"), JSON.stringify(manifest));
  writeFileSync(join(other.path, "model.onnx"), "12345");
  await assert.rejects(
    readModelFolder(other.path, { filesMax: 1, bytesMax: 4 }),
    isInvalid(/^model\.onnx: is too large: 5 bytes, 4 are left/),
  );
});
