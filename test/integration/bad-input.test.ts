/**
 * What a caller can get wrong over HTTP: each has its status, its code and the one error shape, and the engine
 * lives on and answers the next request.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { ErrorCode } from "../../engine/core/errors.ts";
import type { Prediction } from "../../engine/core/prediction.ts";
import { checkErrorBody, errorOf, jsonOf } from "../support/answers.ts";
import { checkPrediction, PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { parseMetrics, sampleOf } from "../support/prometheus.ts";
import { exchangeRaw, openRaw } from "../support/raw-http.ts";

const BODY_BYTES_MAX = 4 * 1024 * 1024;
const FEATURES = JSON.stringify(PAYMENT);

interface BadBody {
  readonly title: string;
  readonly body: string;
  readonly status: number;
  readonly code: ErrorCode;
  /** The field that the first detail names. */
  readonly field?: string;
}

const bad = (title: string, body: string, code: ErrorCode, field?: string, status = 400): BadBody => ({
  title,
  body,
  status,
  code,
  ...(field === undefined ? {} : { field }),
});

/** A body whose features are those of a good payment but for `change`, written as JSON text. */
const features = (change: string): string => `{"features":${FEATURES.slice(0, -1)},${change}}}`;

const PREDICT: readonly BadBody[] = [
  bad("a body that is not JSON", "amount=1", "INVALID_JSON"),
  bad("an empty body", "", "INVALID_JSON"),
  bad("JSON that is cut off", '{"features":{"amount":1', "INVALID_JSON"),
  bad("the literal NaN", features('"amount":NaN'), "INVALID_JSON"),
  bad("the literal Infinity", features('"amount":-Infinity'), "INVALID_JSON"),
  bad("bytes that are no UTF-8 where JSON should be", "\u0000\u0001", "INVALID_JSON"),
  bad("a body that is an array", `[{"features":${FEATURES}}]`, "INVALID_REQUEST"),
  bad("a body that is null", "null", "INVALID_REQUEST"),
  bad("a body that is a number", "1", "INVALID_REQUEST"),
  bad("100,000 nested arrays", "[".repeat(100_000) + "]".repeat(100_000), "INVALID_REQUEST"),
  bad(
    "100,000 nested objects as a feature",
    features(`"amount":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`),
    "INVALID_FEATURES",
    "features.amount",
  ),
  bad("an unknown model", `{"model":"unheard-of","features":${FEATURES}}`, "MODEL_NOT_FOUND", undefined, 404),
  bad("an unknown version", `{"version":"9.9.9","features":${FEATURES}}`, "MODEL_NOT_FOUND", undefined, 404),
  bad(
    "a model called __proto__",
    `{"model":"__proto__","features":${FEATURES}}`,
    "MODEL_NOT_FOUND",
    undefined,
    404,
  ),
  bad("a model that is no string", `{"model":1,"features":${FEATURES}}`, "INVALID_REQUEST", "model"),
  bad("no features", "{}", "INVALID_FEATURES", "features"),
  bad("features that are an array", '{"features":[1,2]}', "INVALID_FEATURES", "features"),
  bad(
    "a missing feature",
    '{"entities":{"card_id":"c","merchant_id":"m"},"features":{"amount":1,"hour":1}}',
    "INVALID_FEATURES",
    "features.merchant_category",
  ),
  bad(
    "an entity that is not named",
    '{"entities":{"card_id":"c"},"features":{"amount":1,"hour":1,"merchant_category":"fuel"}}',
    "INVALID_FEATURES",
    "entities.merchant_id",
  ),
  bad("an unknown feature", features('"colour":"red"'), "INVALID_FEATURES", "features.colour"),
  bad("a string for a number", features('"amount":"42"'), "INVALID_FEATURES", "features.amount"),
  bad("true for a number", features('"amount":true'), "INVALID_FEATURES", "features.amount"),
  bad("a fraction for an integer", features('"hour":1.5'), "INVALID_FEATURES", "features.hour"),
  bad("1 for a boolean", features('"card_present":1'), "INVALID_FEATURES", "features.card_present"),
  bad("an unknown category", features('"country":"XX"'), "INVALID_FEATURES", "features.country"),
  bad(
    "a category called constructor",
    features('"country":"constructor"'),
    "INVALID_FEATURES",
    "features.country",
  ),
  bad("a number for a category", features('"country":1'), "INVALID_FEATURES", "features.country"),
  bad("an array for a number", features('"amount":[1]'), "INVALID_FEATURES", "features.amount"),
  bad("a number below its range", features('"amount":-0.01'), "INVALID_FEATURES", "features.amount"),
  bad("a number above its range", features('"hour":24'), "INVALID_FEATURES", "features.hour"),
  bad("1e309, which is infinite", features('"amount":1e309'), "INVALID_FEATURES", "features.amount"),
  bad("null for a required feature", features('"amount":null'), "INVALID_FEATURES", "features.amount"),
  bad(
    "__proto__ as a feature",
    features('"__proto__":{"amount":1}'),
    "INVALID_FEATURES",
    "features.__proto__",
  ),
  bad("constructor as a feature", features('"constructor":1'), "INVALID_FEATURES", "features.constructor"),
  bad(
    "__proto__ instead of features",
    `{"__proto__":{"features":${FEATURES}}}`,
    "INVALID_REQUEST",
    "__proto__",
  ),
  bad(
    "constructor beside features",
    `{"constructor":{},"features":${FEATURES}}`,
    "INVALID_REQUEST",
    "constructor",
  ),
  bad("an unknown field", `{"feature":{},"features":${FEATURES}}`, "INVALID_REQUEST", "feature"),
  bad(
    "a request_id that is a number",
    `{"request_id":1,"features":${FEATURES}}`,
    "INVALID_REQUEST",
    "request_id",
  ),
  bad(
    "a request_id that is too long",
    `{"request_id":"${"x".repeat(129)}","features":${FEATURES}}`,
    "INVALID_REQUEST",
    "request_id",
  ),
  bad("a timeout of 0", `{"timeout_ms":0,"features":${FEATURES}}`, "INVALID_REQUEST", "timeout_ms"),
  bad(
    "a timeout beyond the limit",
    `{"timeout_ms":1e9,"features":${FEATURES}}`,
    "INVALID_REQUEST",
    "timeout_ms",
  ),
  bad("instances at /predict", `{"instances":[{"features":${FEATURES}}]}`, "INVALID_REQUEST"),
  bad(
    "a duplicate key whose last value is bad",
    features('"amount":1,"amount":"x"'),
    "INVALID_FEATURES",
    "features.amount",
  ),
];

const BATCH: readonly BadBody[] = [
  bad("no instances", "{}", "INVALID_REQUEST", "instances"),
  bad("no rows", '{"instances":[]}', "INVALID_REQUEST", "instances"),
  bad("instances that are an object", '{"instances":{"0":{}}}', "INVALID_REQUEST", "instances"),
  bad(
    "features beside instances",
    `{"features":{},"instances":[{"features":${FEATURES}}]}`,
    "INVALID_REQUEST",
    "features",
  ),
  bad(
    "a request_id beside instances",
    `{"request_id":"r","instances":[{"features":${FEATURES}}]}`,
    "INVALID_REQUEST",
    "request_id",
  ),
  bad(
    "an entity_id beside instances",
    `{"entity_id":"e","instances":[{"features":${FEATURES}}]}`,
    "INVALID_REQUEST",
    "entity_id",
  ),
  bad("a million rows", `{"instances":[${"{},".repeat(999_999)}{}]}`, "PAYLOAD_TOO_LARGE", "instances", 413),
  bad(
    "rows for an unknown model",
    '{"model":"none","instances":[{"features":{}},{}]}',
    "MODEL_NOT_FOUND",
    undefined,
    404,
  ),
];

describe("bad input", () => {
  let engine: TestEngine;
  let pid: number;
  before(async () => {
    engine = await startTestEngine({ env: { MILLRACE_BODY_BYTES_MAX: String(BODY_BYTES_MAX) } });
    pid = engine.pid;
  });
  after(async () => engine[Symbol.asyncDispose]());

  afterEach(async () => {
    const response = await engine.post("/predict", { features: PAYMENT });
    assert.equal(response.status, 200, "a good request is answered after it");
    checkPrediction(await response.json());
    assert.equal(engine.pid, pid);
  });

  for (const [path, cases] of [
    ["/predict", PREDICT],
    ["/predict/batch", BATCH],
  ] as const) {
    for (const { title, body, status, code, field } of cases) {
      it(`POST ${path} refuses ${title}`, async () => {
        const error = await errorOf(await engine.post(path, body), status, code);
        if (field !== undefined) assert.equal(error.details[0]?.field, field);
      });
    }
  }

  it("names every wrong feature at once, and at most 20", async () => {
    const wrong = { ...PAYMENT, amount: -1, hour: "x", country: "XX" };
    const few = await errorOf(await engine.post("/predict", { features: wrong }), 400, "INVALID_FEATURES");
    assert.deepEqual(
      few.details.map(({ field }) => field),
      ["features.amount", "features.hour", "features.country"],
    );
    const extra = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x${index}`, 1]));
    const many = await engine.post("/predict", { features: { ...PAYMENT, ...extra } });
    assert.equal((await errorOf(many, 400, "INVALID_FEATURES")).details.length, 20);
  });

  it("takes the last of duplicate keys, as JSON.parse does", async () => {
    const twice = await engine.post("/predict", features('"amount":1,"amount":42.5'));
    const once = await engine.post("/predict", { features: PAYMENT });
    assert.equal(
      (await jsonOf<Prediction>(twice)).predicted_value,
      (await jsonOf<Prediction>(once)).predicted_value,
    );
  });

  it("gives lone surrogates and control characters in ids back and stores the row", async () => {
    for (const id of ["a\ud800b", "\udfff", "cr\r\nset-cookie: a=b", "nul\u0000", "\u2028"]) {
      const response = await engine.post("/predict", { features: PAYMENT, request_id: id, entity_id: id });
      assert.equal(response.headers.get("set-cookie"), null);
      const prediction = await jsonOf<Prediction>(response);
      assert.equal(prediction.request_id, id);
      assert.equal(prediction.entity_id, id);
      await eventually(
        "the row is stored",
        async () =>
          (
            await engine.sql("SELECT 1 FROM millrace.predictions WHERE prediction_id = {id:UUID}", {
              id: prediction.prediction_id,
            })
          ).length === 1,
        15_000,
      );
    }
  });

  it("refuses a body above the limit with 413, told beforehand or not, and the client gets to read why", async () => {
    const head = "POST /predict HTTP/1.1\r\nhost: localhost\r\n";
    const filler = "x".repeat(BODY_BYTES_MAX + 1);
    for (const [framing, payload] of [
      [`content-length: ${filler.length}`, filler],
      ["transfer-encoding: chunked", `${filler.length.toString(16)}\r\n${filler}\r\n0\r\n\r\n`],
    ]) {
      const { head: answer, body } = await exchangeRaw(engine.httpUrl, `${head}${framing}\r\n\r\n${payload}`);
      assert.match(answer, /^HTTP\/1\.1 413 /);
      assert.equal(checkErrorBody(JSON.parse(body)).code, "PAYLOAD_TOO_LARGE");
    }
  });

  it("answers another method with 405 and what the path takes", async () => {
    for (const [method, path, allow] of [
      ["GET", "/predict", "POST"],
      ["DELETE", "/predict/batch", "POST"],
      ["PUT", "/models", "GET, POST"],
      ["POST", "/health", "GET"],
      ["PATCH", "/models/card-fraud", "GET"],
      ["GET", "/models/card-fraud/promote", "POST"],
      ["POST", "/", "GET"],
    ] as const) {
      const response = await fetch(new URL(path, engine.httpUrl), { method });
      assert.equal(response.headers.get("allow"), allow, `${method} ${path}`);
      await errorOf(response, 405, "METHOD_NOT_ALLOWED");
    }
  });

  it("answers a path that does not exist with 404", async () => {
    for (const path of [
      "/nothing",
      "/predict/",
      "/predict/batch/more",
      "/models/a/b",
      "//",
      "/%00",
      "/..%2f",
    ])
      await errorOf(await fetch(engine.httpUrl + path), 404, "ROUTE_NOT_FOUND");
  });

  it("answers a model name that is none with 404, however it is encoded", async () => {
    for (const name of [
      "%",
      "%zz",
      "%E0%A4%A",
      "%00",
      "%2e%2e%2f",
      "UPPER",
      "a.b",
      "%2A",
      "x".repeat(300),
      "__proto__",
    ])
      await errorOf(await fetch(`${engine.httpUrl}/models/${name}`), 404, "MODEL_NOT_FOUND");
    await errorOf(await engine.post("/models/%zz/promote", { version: "1.0.0" }), 404, "MODEL_NOT_FOUND");
    for (const query of [
      "model=%zz",
      "model=__proto__",
      "version=%",
      "model=a%0d%0ab",
      "version=production%00",
    ])
      await errorOf(await engine.get(`/model/info?${query}`), 404, "MODEL_NOT_FOUND");
    await errorOf(await engine.get(`/model/info?model=${"x".repeat(129)}`), 400, "INVALID_REQUEST");
  });

  it("refuses bad bodies of registry requests", async () => {
    const promote = "/models/card-fraud/promote";
    await errorOf(await engine.post(promote, "{"), 400, "INVALID_JSON");
    await errorOf(await engine.post(promote, ""), 400, "INVALID_REQUEST");
    await errorOf(await engine.post(promote, { version: "one" }), 400, "INVALID_REQUEST");
    await errorOf(await engine.post(promote, { version: "1.0.0", alias: "*" }), 400, "INVALID_REQUEST");
    await errorOf(await engine.post(promote, { version: "1.0.0", more: 1 }), 400, "INVALID_REQUEST");
    await errorOf(await engine.post(promote, "x".repeat(5_000)), 413, "PAYLOAD_TOO_LARGE");
    await errorOf(await engine.post("/models", { manifest: {} }), 400, "INVALID_REQUEST");
    await errorOf(await engine.post("/models", { manifest: {}, files: { a: "?" } }), 400, "INVALID_REQUEST");
    await errorOf(await engine.post("/models", { manifest: {}, files: {} }), 422, "MODEL_INVALID");
    const deep = `{"manifest":${"[".repeat(100_000)}${"]".repeat(100_000)},"files":{}}`;
    await errorOf(await engine.post("/models", deep), 422, "MODEL_INVALID");
  });

  it("survives clients that go in the middle of the head, of the body, and before the answer", async () => {
    const aborts = async (): Promise<number> =>
      sampleOf(parseMetrics(await (await engine.get("/metrics")).text()), "engine_http_aborts_total");
    const earlier = await aborts();
    const head = "POST /predict HTTP/1.1\r\nhost: localhost\r\n";
    const body = JSON.stringify({ features: PAYMENT });
    const rounds = 20;
    for (let round = 0; round < rounds; round++) {
      for (const text of [
        "POST /predict HT",
        `${head}content-le`,
        `${head}content-length: ${body.length}\r\n\r\n${body.slice(0, 20)}`,
        `${head}content-length: ${body.length}\r\n\r\n${body}`,
      ]) {
        using connection = await openRaw(engine.httpUrl);
        await new Promise((resolve) => connection.socket.write(text, resolve));
        if (round % 2 === 0) connection.socket.destroy();
        else connection.socket.resetAndDestroy();
      }
    }
    await eventually("the bodies cut off are counted", async () => (await aborts()) >= earlier + rounds / 2);
    const queued = async (): Promise<number> =>
      sampleOf(parseMetrics(await (await engine.get("/metrics")).text()), "engine_queue_rows");
    await eventually("no row of theirs is left", async () => (await queued()) === 0);
  });

  it("closes connections that send no HTTP, or half of a head and then nothing", async () => {
    const rubbish = [
      "\u0000\u0001\u0002\r\n\r\n",
      "GET\r\n\r\n",
      "HELLO / SMTP\r\n\r\n",
      "GET /health HTTP/1.1\r\nhost: localhost\r\n",
      "P",
      "POST /predict HTTP/1.1\r\ncontent-length: -5\r\n\r\n{}",
      "POST /predict HTTP/1.1\r\ncontent-length: 5abc\r\n\r\n{}   ",
      "POST /predict HTTP/1.1\r\ncontent-length: 50\r\n\r\n{",
    ];
    const ends = rubbish.map(async (text) => {
      using connection = await openRaw(engine.httpUrl);
      connection.socket.write(text);
      await eventually(`the end of ${JSON.stringify(text)}`, () => connection.isClosed(), 25_000);
      assert.doesNotMatch(connection.received(), /^HTTP\/1\.1 [23]/);
    });
    await Promise.all(ends);
  });
});
