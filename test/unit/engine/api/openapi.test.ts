/**
 * From a table of routes to its description.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import type { Route } from "../../../../engine/api/http-server.ts";
import { endpointsOf, openApi } from "../../../../engine/api/openapi.ts";
import { wholeNumber } from "../../../../engine/contract/query-texts.ts";

type Json = Readonly<Record<string, unknown>>;

const THING = z.strictObject({ name: z.string().default("none") });

type Change = Partial<Omit<Route, "describes">> & { readonly describes?: Partial<Route["describes"]> };

function route(change: Change = {}): Route {
  const { describes, ...rest } = change;
  return {
    method: "get",
    path: "/things/:id",
    handle: () => undefined,
    ...rest,
    describes: { tag: "Status", summary: "A thing", answers: { 200: THING }, errors: [], ...describes },
  };
}

function operationOf(one: Route): Record<string, Json> {
  const { paths } = openApi([one]) as { paths: Record<string, Record<string, Record<string, Json>>> };
  const [path] = Object.values(paths);
  return path?.[one.method] as Record<string, Json>;
}

/** The part of an operation's answer that a test looks at. */
function answerOf(one: Route, status: number): { description: string; headers: Json; schema: Json } {
  const answer = operationOf(one)["responses"]?.[status] as {
    description: string;
    headers?: Json;
    content: { "application/json": { schema: Json } };
  };
  const { description, headers = {}, content } = answer;
  return { description, headers, schema: content["application/json"].schema };
}

describe("the description of routes", () => {
  it("has each route once, with its parameters and whether they are needed", () => {
    const query = z.strictObject({ hours: wholeNumber(1, 48, 24), model: z.string() });
    const { parameters, operationId } = operationOf(route({ describes: { query } }));
    assert.equal(operationId, "getThingsId");
    assert.deepEqual(parameters, [
      { name: "id", in: "path", required: true, schema: { type: "string", minLength: 1 } },
      {
        name: "hours",
        in: "query",
        required: false,
        description: "24 unless it is given",
        schema: { type: "integer", minimum: 1, maximum: 48 },
      },
      { name: "model", in: "query", required: true, schema: { type: "string" } },
    ]);
    assert.deepEqual(endpointsOf([route({ describes: { query } })]), ["GET /things/{id}?hours=&model="]);
  });

  it("says what may be sent and what is answered: defaults are in between", () => {
    const posted = operationOf(route({ method: "post", describes: { body: THING } }));
    const { required, content } = posted["requestBody"] as {
      required: boolean;
      content: Record<string, { schema: Json }>;
    };
    assert.equal(required, false, "no body counts as {}");
    assert.equal(content["application/json"]?.schema["required"], undefined);
    assert.deepEqual(answerOf(route(), 200).schema["required"], ["name"]);
  });

  it("has the errors that follow from method, path, query and body", () => {
    const statuses = (one: Route): string[] => Object.keys(operationOf(one)["responses"] as Json);
    assert.deepEqual(statuses(route({ path: "/things" })), ["200", "405", "500"]);
    assert.deepEqual(statuses(route()), ["200", "404", "405", "500"]);
    const posted = route({ method: "post", takes: "json", describes: { body: THING } });
    assert.deepEqual(statuses(posted), ["200", "400", "403", "404", "405", "413", "415", "500"]);
    assert.equal(answerOf(posted, 400).description, "INVALID_JSON, INVALID_REQUEST");
  });

  it("promises Retry-After only where every error of the status has it", () => {
    const busy = route({ describes: { errors: ["BUSY", "INFERENCE_FAILED", "NOT_READY"] } });
    assert.ok(answerOf(busy, 429).headers["Retry-After"] !== undefined);
    assert.ok(answerOf(busy, 503).headers["Retry-After"] !== undefined);
    assert.deepEqual(answerOf(busy, 500).headers, {});
    assert.ok(answerOf(busy, 405).headers["Allow"] !== undefined);
  });

  it("lets an answer and an error share a status", () => {
    const ready = route({ describes: { answers: { 200: THING, 503: THING }, errors: ["NOT_READY"] } });
    assert.equal((answerOf(ready, 503).schema["anyOf"] as Json[]).length, 2);
    assert.deepEqual(answerOf(ready, 503).headers, {});
  });

  it("tells all errors of a route of the Open Inference Protocol in its shape", () => {
    const own = route({ errors: "oip", describes: { errors: ["MODEL_NOT_FOUND", "QUEUE_FULL"] } });
    for (const status of [404, 405, 429, 500])
      assert.deepEqual(answerOf(own, status).schema, { $ref: "#/components/schemas/OipError" });
  });

  it("refuses one name for two schemas", () => {
    const named = THING.meta({ id: "ThingOfThisTest" });
    assert.throws(
      () => openApi([route({ method: "post", describes: { body: named, answers: { 200: named } } })]),
      /two schemas are called ThingOfThisTest/,
    );
  });
});
