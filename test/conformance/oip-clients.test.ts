/**
 * Unmodified clients of the Open Inference Protocol against a whole engine: the programs of test/conformance/oip, with whatever Python
 * TEST_PYTHON names. Their requests as recorded bytes are tested without it (oip-recorded.test.ts).
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { CLIENT_PROGRAMS, clientsPython, runClient } from "../support/python-programs.ts";
import { serveTensorModels } from "../support/tensor-models.ts";

const PYTHON = clientsPython();
describe("unmodified clients", {
  skip: PYTHON === undefined && "TEST_PYTHON names no Python with test/conformance/oip/requirements.txt",
}, () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startTestEngine({ sample: false });
    await serveTensorModels(engine);
  });
  after(async () => engine?.[Symbol.asyncDispose]());

  for (const [client, programs] of Object.entries(CLIENT_PROGRAMS))
    for (const program of programs)
      it(`${client}: ${program}`, async () => {
        const checks = await runClient(PYTHON ?? "", program, {
          url: engine.httpUrl,
          grpcAddress: engine.grpcAddress,
        });
        const failed = checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
        assert.deepEqual(failed, []);
      });
});
