/**
 * What a web page can make a browser on the engine's machine send: refused wherever something would change, while
 * programs, and pages of the engine's own address, are served.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ErrorCode } from "../../engine/core/errors.ts";
import { checkErrorBody } from "../support/answers.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { exchangeRaw } from "../support/raw-http.ts";

const JSON_TYPE = "content-type: application/json";
const CHANGES: readonly (readonly [path: string, body: unknown])[] = [
  ["/predict", { features: PAYMENT }],
  ["/predict/batch", { instances: [{ features: PAYMENT }] }],
  ["/models", { manifest: {}, files: {} }],
  ["/models/card-fraud/promote", { version: "1.0.0" }],
  ["/models/card-fraud/rollback", {}],
  ["/models/card-fraud/archive", { version: "1.0.0" }],
];
const REGISTRY = CHANGES.filter(([path]) => path.startsWith("/models"));

describe("requests of web pages", () => {
  let engine: TestEngine;
  let host: string;
  before(async () => {
    engine = await startTestEngine({ env: { MILLRACE_HTTP_NAMES: "ml.example,models.example" } });
    host = `host: ${new URL(engine.httpUrl).host}`;
  });
  after(async () => engine[Symbol.asyncDispose]());

  async function post(path: string, body: unknown, ...headers: string[]): Promise<[number, string]> {
    const text = JSON.stringify(body);
    const lines = [`POST ${path} HTTP/1.1`, ...headers, `content-length: ${Buffer.byteLength(text)}`];
    const answer = await exchangeRaw(engine.httpUrl, `${lines.join("\r\n")}\r\n\r\n${text}`);
    return [Number(answer.head.split(" ")[1]), answer.body];
  }
  async function refused(
    [path, body]: readonly [string, unknown],
    status: number,
    code: ErrorCode,
    field: string,
    ...headers: string[]
  ): Promise<void> {
    const [answered, text] = await post(path, body, ...headers);
    assert.equal(answered, status, `${path} ${headers.join(", ")}: ${text}`);
    const error = checkErrorBody(JSON.parse(text));
    assert.equal(error.code, code);
    assert.equal(error.details[0]?.field, field);
  }

  it("are refused by their origin at every path that changes something", async () => {
    for (const change of CHANGES) {
      await refused(change, 403, "FORBIDDEN", "origin", host, JSON_TYPE, "origin: https://evil.example");
      await refused(change, 403, "FORBIDDEN", "origin", host, JSON_TYPE, "origin: null");
      await refused(
        change,
        403,
        "FORBIDDEN",
        "sec-fetch-site",
        host,
        JSON_TYPE,
        "sec-fetch-site: cross-site",
      );
    }
  });

  it("are refused by their host when a foreign name was pointed to this machine", async () => {
    const rebound = ["host: evil.example:8080", "origin: http://evil.example:8080", JSON_TYPE];
    for (const change of CHANGES) await refused(change, 403, "FORBIDDEN", "host", ...rebound);
  });

  it("are refused by their content-type at the registry, which a form can send without asking", async () => {
    for (const change of REGISTRY) {
      await refused(change, 415, "UNSUPPORTED_MEDIA_TYPE", "content-type", host);
      await refused(change, 415, "UNSUPPORTED_MEDIA_TYPE", "content-type", host, "content-type: text/plain");
    }
    const state = (await (await engine.get("/models/card-fraud")).json()) as { archived: string[] };
    assert.deepEqual(state.archived, []);
  });

  it("are served when they are the engine's own, as programs are, under every name it has", async () => {
    const own = `origin: ${engine.httpUrl}`;
    const features = { features: PAYMENT };
    const form = "content-type: application/x-www-form-urlencoded";
    for (const headers of [
      [host],
      [host, form],
      [host, own, JSON_TYPE, "sec-fetch-site: same-origin"],
      ["host: localhost"],
      ["host: ml.example"],
      ["host: models.example", "origin: https://models.example"],
    ])
      assert.equal((await post("/predict", features, ...headers))[0], 200, headers.join(", "));
    const promote = ["/models/card-fraud/promote", { version: "1.0.0" }] as const;
    assert.equal((await post(...promote, host, own, JSON_TYPE))[0], 200);
    assert.equal((await post(...promote, "host: ml.example", `${JSON_TYPE}; charset=utf-8`))[0], 200);
  });

  it("are refused without harm when the body is large and still on its way", async () => {
    const [status] = await post(
      "/models",
      { filler: "x".repeat(8 << 20) },
      host,
      "origin: https://evil.example",
    );
    assert.equal(status, 403);
    assert.equal((await engine.post("/predict", { features: PAYMENT })).status, 200);
  });
});
