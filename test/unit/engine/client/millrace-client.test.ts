import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { MillraceClient, MillraceError } from "../../../../engine/client/millrace-client.ts";
import { eventually } from "../../../support/eventually.ts";
import { json, type Step, startScriptedServer } from "../../../support/scripted-server.ts";

const PREDICTION = { prediction_id: "01a1fbfd-0000-7000-8000-000000000000", predicted_value: 0.5 };
const REFUSED = { error: { code: "QUEUE_FULL", message: "the queue is full", details: [] } };
const busy = (seconds = "1", status = 429): Step => json(status, REFUSED, { "retry-after": seconds });
const ROW = { model: "m", features: { x: 1 } };

async function failureOf(call: Promise<unknown>): Promise<MillraceError> {
  const error = await call.then(
    () => assert.fail("it was answered"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof MillraceError)) throw error;
  return error;
}

describe("tries of the client", () => {
  it("wait as long as Retry-After says, then the answer counts", async () => {
    await using server = await startScriptedServer(busy("1"), json(200, PREDICTION));
    const client = new MillraceClient({ url: server.url });
    assert.equal((await client.predict(ROW)).predicted_value, 0.5);
    const [first, second] = server.requests;
    assert.equal(server.requests.length, 2);
    assert.ok((second?.atMs ?? 0) - (first?.atMs ?? 0) >= 999);
  });

  it("are bounded, and the last error is told", async () => {
    await using server = await startScriptedServer(busy("0"));
    const client = new MillraceClient({ url: server.url, retriesMax: 2 });
    const { code, status, message, retryAfterMs } = await failureOf(client.predict(ROW));
    assert.deepEqual(
      { code, status, message, retryAfterMs },
      {
        code: "QUEUE_FULL",
        status: 429,
        message: "the queue is full",
        retryAfterMs: 0,
      },
    );
    assert.equal(server.requests.length, 3);
  });

  it("end at once where the wait would reach beyond the deadline", async () => {
    await using server = await startScriptedServer(busy("5"));
    const client = new MillraceClient({ url: server.url, timeoutMs: 1_000 });
    const beganMs = performance.now();
    const error = await failureOf(client.predict(ROW));
    assert.equal(error.code, "QUEUE_FULL");
    assert.equal(error.retryAfterMs, 5_000);
    assert.ok(performance.now() - beganMs < 900);
    assert.equal(server.requests.length, 1);
  });

  it("tell the engine what is left of the deadline, and never more than the request's own", async () => {
    await using server = await startScriptedServer(busy("1"), json(200, PREDICTION));
    const client = new MillraceClient({ url: server.url, timeoutMs: 4_000 });
    await client.predict(ROW);
    await client.predict({ ...ROW, timeout_ms: 20 });
    const told = server.requests.map(
      ({ body }) => (JSON.parse(body.toString()) as { timeout_ms: number }).timeout_ms,
    );
    const [first = 0, second = 0, own] = told;
    assert.ok(first > 3_900 && first <= 4_000, String(first));
    assert.ok(second > 1_000 && second <= 3_000, String(second));
    assert.equal(own, 20);
  });

  it("are not made of a change that may have been carried out, but of one that was refused", async () => {
    await using server = await startScriptedServer(busy("0", 503), busy("0"), json(200, { name: "m" }));
    const client = new MillraceClient({ url: server.url });
    const error = await failureOf(client.models.rollback("m"));
    assert.equal(error.status, 503);
    assert.equal(server.requests.length, 1);
    assert.equal((await client.models.rollback("m")).name, "m");
    assert.equal(server.requests.length, 3);
  });

  it("are made while nobody listens, until somebody does", async () => {
    const placeholder = createServer();
    await new Promise<void>((resolve) => placeholder.listen(0, "127.0.0.1", resolve));
    const { port } = placeholder.address() as AddressInfo;
    await new Promise((resolve) => placeholder.close(resolve));
    const url = `http://127.0.0.1:${port}`;
    const error = await failureOf(new MillraceClient({ url, retriesMax: 1 }).predict(ROW));
    assert.equal(error.code, "CONNECTION_FAILED");
    assert.match(error.message, /^no engine answers at the address .*ECONNREFUSED/);
    assert.equal(error.status, undefined);
    const call = new MillraceClient({ url }).predict(ROW);
    const late = createHttpServer((_, response) => response.end(JSON.stringify(PREDICTION)));
    setTimeout(() => late.listen(port, "127.0.0.1"), 20);
    assert.equal((await call).predicted_value, 0.5);
    late.closeAllConnections();
    late.close();
  });

  it("are not made of a prediction whose connection was lost, but of what only reads", async () => {
    const cut: Step = (response) => response.destroy();
    await using server = await startScriptedServer(cut, cut, json(200, { models: [] }));
    const client = new MillraceClient({ url: server.url });
    const error = await failureOf(client.predict(ROW));
    assert.equal(error.code, "CONNECTION_FAILED");
    assert.match(error.message, /^the connection was lost/);
    assert.equal(server.requests.length, 1);
    assert.deepEqual(await client.models.list(), { models: [] });
    assert.equal(server.requests.length, 3);
  });
});

describe("calls of the client", () => {
  it("end by their deadline when no answer comes", async () => {
    await using server = await startScriptedServer(() => {});
    const client = new MillraceClient({ url: server.url, timeoutMs: 60_000 });
    const beganMs = performance.now();
    const error = await failureOf(client.predict(ROW, { timeoutMs: 150 }));
    assert.equal(error.code, "DEADLINE_EXCEEDED");
    const tookMs = performance.now() - beganMs;
    assert.ok(tookMs >= 149 && tookMs < 5_000, String(tookMs));
  });

  it("end by their deadline when half an answer comes", async () => {
    await using server = await startScriptedServer((response) => {
      response.writeHead(200);
      response.write("{");
    });
    const client = new MillraceClient({ url: server.url });
    assert.equal((await failureOf(client.predict(ROW, { timeoutMs: 150 }))).code, "DEADLINE_EXCEEDED");
  });

  it("end by their deadline while they wait for a connection, too", async () => {
    const controller = new AbortController();
    await using server = await startScriptedServer(() => {});
    const client = new MillraceClient({ url: server.url });
    const { signal } = controller;
    const calls = Array.from({ length: 64 }, async () =>
      assert.rejects(client.predict(ROW, { signal }), /enough/),
    );
    await eventually("all connections are taken", () => server.requests.length === 64);
    assert.equal((await failureOf(client.predict(ROW, { timeoutMs: 100 }))).code, "DEADLINE_EXCEEDED");
    assert.equal(server.requests.length, 64);
    controller.abort(new Error("enough"));
    await Promise.all(calls);
  });

  it("are given up by their signal, while they wait for an answer or for another try", async () => {
    await using server = await startScriptedServer(() => {}, busy("20"));
    const client = new MillraceClient({ url: server.url });
    for (let count = 0; count < 2; count++) {
      const controller = new AbortController();
      const call = client.predict(ROW, { signal: controller.signal });
      setTimeout(() => controller.abort(new Error("no longer wanted")), 50);
      await assert.rejects(call, /no longer wanted/);
    }
    const aborted = AbortSignal.abort(new Error("from the start"));
    await assert.rejects(client.predict(ROW, { signal: aborted }), /from the start/);
    assert.equal(server.requests.length, 2);
  });

  it("tell what is wrong, field by field", async () => {
    const details = [{ field: "features.x", message: "must be a number" }];
    const error = { code: "INVALID_FEATURES", message: "x must be a number", details };
    await using server = await startScriptedServer(json(400, { error }));
    const failure = await failureOf(new MillraceClient({ url: server.url }).predict(ROW));
    assert.deepEqual([failure.code, failure.status, failure.details], ["INVALID_FEATURES", 400, details]);
    assert.equal(failure.message, "x must be a number");
  });

  it("tell the text of an error of the Open Inference Protocol", async () => {
    await using server = await startScriptedServer(json(400, { error: "shape does not fit" }));
    const failure = await failureOf(new MillraceClient({ url: server.url }).modelMetadata("m"));
    assert.deepEqual([failure.code, failure.status, failure.message], [undefined, 400, "shape does not fit"]);
  });

  it("say when what answers is no engine", async () => {
    const page: Step = (response) => response.writeHead(502).end("<html>Bad Gateway</html>");
    await using server = await startScriptedServer(page, json(404, {}), page);
    const client = new MillraceClient({ url: server.url });
    for (const status of [502, 404]) {
      const failure = await failureOf(client.health());
      assert.deepEqual([failure.code, failure.status], ["UNEXPECTED_ANSWER", status]);
    }
  });

  it("keep a path before the engine's own, encode names, and send headers that were given", async () => {
    await using server = await startScriptedServer(json(200, {}));
    const client = new MillraceClient({ url: `${server.url}/ml/`, headers: { authorization: "Bearer a" } });
    await client.features.entity("card@1.0.0", "a/b ?c");
    await client.monitoring.drift("m", { window: "1h", variant: undefined });
    assert.deepEqual(
      server.requests.map(({ path }) => path),
      ["/ml/features/card%401.0.0/a%2Fb%20%3Fc", "/ml/monitoring/m/drift?window=1h"],
    );
    assert.equal(server.requests[0]?.headers.authorization, "Bearer a");
  });

  it("need an address of HTTP", () => {
    for (const url of ["", "localhost:8080", "nats://127.0.0.1:4222"])
      assert.throws(() => new MillraceClient({ url }), /give the engine's address/);
  });

  it("ask once whether the engine is ready, and take 503 for an answer", async () => {
    const health = { status: "starting", ready: false, components: {} };
    await using server = await startScriptedServer(json(503, health, { "retry-after": "0" }));
    const client = new MillraceClient({ url: server.url });
    assert.deepEqual(await client.ready(), health);
    assert.equal(await client.modelReady("m"), false);
    assert.equal(server.requests.length, 2);
  });
});

describe("the client's batcher", () => {
  const answerAll: Step = (response, { body }) => {
    const { instances } = JSON.parse(body.toString()) as { instances: { features: { x: number } }[] };
    const details = [{ field: "features.x", message: "must be 0 or more" }];
    const predictions = instances.map(({ features: { x } }) =>
      x < 0 ? { error: { code: "INVALID_FEATURES", message: "x", details } } : { predicted_value: x },
    );
    json(200, { predictions })(response, undefined as never);
  };

  it("gathers rows into batches, and resolves each on its own", async () => {
    await using server = await startScriptedServer(answerAll);
    const batcher = new MillraceClient({ url: server.url }).batcher("m", {
      rowsMax: 10,
      waitMs: 20,
      version: "staging",
    });
    const rows = Array.from({ length: 25 }, (_, x) => batcher.predict({ features: { x: x === 7 ? -1 : x } }));
    const settled = await Promise.allSettled(rows);
    assert.equal(server.requests.length, 3);
    settled.forEach((result, x) => {
      if (x !== 7) return assert.equal(result.status === "fulfilled" && result.value.predicted_value, x);
      const error: unknown = result.status === "rejected" ? result.reason : undefined;
      assert.ok(error instanceof MillraceError);
      assert.deepEqual([error.code, error.status, error.details.length], ["INVALID_FEATURES", 400, 1]);
    });
    const sent = server.requests.map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);
    assert.deepEqual(
      sent.map(({ model, version }) => [model, version]),
      Array.from({ length: 3 }, () => ["m", "staging"]),
    );
    assert.deepEqual(
      sent.map(({ instances }) => (instances as unknown[]).length),
      [10, 10, 5],
    );
  });

  it("lets no row wait longer than it should, and sends at once when told", async () => {
    await using server = await startScriptedServer(answerAll);
    const client = new MillraceClient({ url: server.url });
    assert.equal(
      (await client.batcher("m", { waitMs: 5 }).predict({ features: { x: 1 } })).predicted_value,
      1,
    );
    const patient = client.batcher("m", { waitMs: 60_000 });
    const row = patient.predict({ features: { x: 2 } });
    patient.flush();
    assert.equal((await row).predicted_value, 2);
  });

  it("fails the rows of a batch that is refused, and of them alone", async () => {
    await using server = await startScriptedServer(
      json(404, { error: { ...REFUSED.error, code: "MODEL_NOT_FOUND" } }),
      answerAll,
    );
    const batcher = new MillraceClient({ url: server.url }).batcher("m", { rowsMax: 2 });
    const refused = await Promise.allSettled([1, 2].map((x) => batcher.predict({ features: { x } })));
    assert.deepEqual(
      refused.map((result) => result.status === "rejected" && (result.reason as MillraceError).code),
      ["MODEL_NOT_FOUND", "MODEL_NOT_FOUND"],
    );
    assert.equal((await batcher.predict({ features: { x: 3 } })).predicted_value, 3);
  });

  it("refuses a row that is no JSON without harm to others", async () => {
    await using server = await startScriptedServer(answerAll);
    const batcher = new MillraceClient({ url: server.url }).batcher("m");
    const good = batcher.predict({ features: { x: 1 } });
    await assert.rejects(batcher.predict({ features: { x: 1n as unknown as number } }), TypeError);
    assert.equal((await good).predicted_value, 1);
  });

  it("needs sensible bounds", () => {
    const client = new MillraceClient({ url: "http://127.0.0.1:1" });
    assert.throws(() => client.batcher("m", { rowsMax: 0 }), /rowsMax/);
    assert.throws(() => client.batcher("m", { waitMs: -1 }), /waitMs/);
  });
});
