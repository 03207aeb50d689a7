/** The schema of a predict message takes what the engine takes: a client's types follow from it. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { parseHead } from "../../../../engine/predict.ts";
import { predictMessage, subscribeMessage } from "../../../../engine/ws/messages.ts";

const takes = (body: object): boolean => {
  try {
    parseHead(body, "", 1_000);
    return true;
  } catch {
    return false;
  }
};

it("a predict message is what stands in the body of POST /predict, with type and id", () => {
  const bodies: object[] = [
    {},
    { features: { amount: 1, country: "DE", present: true, missing: null } },
    { model: "m", version: "1.0.0", request_id: "r", entity_id: "e", timeout_ms: 5, explain: true },
    { entities: { card_id: "c" }, explain: 3 },
    {
      model: null,
      version: null,
      request_id: null,
      entity_id: null,
      entities: null,
      timeout_ms: null,
      explain: null,
    },
    { model: 7 },
    { version: true },
    { request_id: 1 },
    { request_id: "x".repeat(129) },
    { entity_id: [] },
    { entities: ["c"] },
    { entities: { card_id: 7 } },
    { timeout_ms: "5" },
    { timeout_ms: 0 },
    { timeout_ms: 600_001 },
    { explain: "yes" },
    { explain: 0 },
    { explain: 1.5 },
    { modle: "m" },
  ];
  for (const body of bodies) {
    const { success } = predictMessage.safeParse({ type: "predict", id: "1", ...body });
    assert.equal(success, takes(body), JSON.stringify(body));
  }
});

it("a subscription asks for something", () => {
  const base = { type: "subscribe", id: "s", model: "m" };
  for (const [more, success] of [
    [{ predictions: true }, true],
    [{ events: true }, true],
    [{ events: ["drift_detected"] }, true],
    [{ predictions: true, events: false }, true],
    [{}, false],
    [{ predictions: false, events: false }, false],
    [{ events: [] }, false],
    [{ events: ["a.b"] }, false],
    [{ events: Array.from({ length: 33 }, () => "a") }, false],
    [{ predictions: 1 }, false],
    [{ predictions: true, more: 1 }, false],
  ] as const)
    assert.equal(subscribeMessage.safeParse({ ...base, ...more }).success, success, JSON.stringify(more));
});
