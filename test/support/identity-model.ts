/** The models of test/fixtures/tensors that return what they are given. */
import assert from "node:assert/strict";
import type { TestEngine } from "./engine.ts";
import { readModelFolder } from "./model-folder.ts";
import { pushBody, untilServed } from "./model-requests.ts";

/** Pushes the identity of a datatype, such as identity-fp32, and waits until it is in production. */
export async function serveIdentity(engine: TestEngine, model: string): Promise<void> {
  const artifact = readModelFolder(`test/fixtures/tensors/${model}`);
  const pushed = await engine.post("/models", pushBody(artifact, "production"));
  assert.equal(pushed.status, 201, await pushed.text());
  await untilServed(engine, model, artifact.manifest.version);
}
