/**
 * Requests of unmodified clients, byte for byte, without the clients: what tritonclient and KServe's client send, and the tensors that must come
 * back.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { status as grpcStatus } from "@grpc/grpc-js";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { inferBytes, outputsOfMessage } from "../support/grpc-bytes.ts";
import { exchangeBytes } from "../support/http-bytes.ts";
import { outputsOf } from "../support/oip-answer.ts";
import { readRecorded } from "../support/recorded-requests.ts";
import { serveTensorModels } from "../support/tensor-models.ts";

let engine: TestEngine;
before(async () => {
  engine = await startTestEngine({ sample: false });
  await serveTensorModels(engine);
});
after(async () => engine?.[Symbol.asyncDispose]());

for (const client of ["tritonclient-http", "kserve-http"])
  describe(`recorded requests of ${client}`, () => {
    for (const [index, { name, status, outputs }] of readRecorded(client).entries())
      it(`${name}: ${status === 200 ? "answered" : status}`, async () => {
        const { host } = new URL(engine.httpUrl);
        const { request } = readRecorded(client, host)[index] ?? assert.fail();
        const answer = await exchangeBytes(engine.httpUrl, request);
        assert.equal(answer.status, status, answer.body.toString());
        if (status === 200) return assert.deepEqual(outputsOf(answer), outputs);
        const error = JSON.parse(answer.body.toString()) as Record<string, unknown>;
        assert.deepEqual(Object.keys(error), ["error"]);
        assert.match(String(error["error"]), /\w/);
      });
  });

describe("recorded requests of tritonclient-grpc", () => {
  for (const { name, request, outputs } of readRecorded("tritonclient-grpc"))
    it(`${name}: answered`, async () => {
      const { code, message } = await inferBytes(engine.grpcAddress, request);
      assert.equal(code, grpcStatus.OK);
      assert.deepEqual(outputsOfMessage(message), outputs);
    });
});
