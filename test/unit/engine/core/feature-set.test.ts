/** What a feature-set.json may say, and that every refusal names the field. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../../engine/core/errors.ts";
import {
  AGGREGATIONS,
  createFeatureCheck,
  type Feature,
  featureSetKey,
  parseFeatureSet,
} from "../../../../engine/core/feature-set.ts";
import { accountSet, differentWindows } from "../../../support/feature-sets.ts";

const NUMBER = { name: "n", kind: "online" };
const WINDOW = { name: "w", kind: "window", aggregation: "sum", field: "amount", window: "1h" };
const { field: _, ...COUNT } = { ...WINDOW, aggregation: "count" };
const RATIO = { name: "d", kind: "derived", function: "ratio", inputs: ["n", "n"] };
const CATEGORY = { name: "c", kind: "online", type: "category", categories: ["a", "b"] };

function fieldsRefused(set: unknown): string[] {
  try {
    parseFeatureSet(set);
  } catch (error) {
    assert.ok(error instanceof EngineError);
    assert.equal(error.code, "FEATURE_SET_INVALID");
    assert.match(error.message, /^feature-set\.json: /);
    assert.ok(error.details.every(({ message }) => message.length > 0));
    return error.details.map(({ field }) => field);
  }
  return assert.fail(`it was taken: ${JSON.stringify(set).slice(0, 300)}`);
}

/** Features, of which the last is at fault: which of its fields are named. */
function fieldsOfLast(...features: unknown[]): string[] {
  const at = `features.${features.length - 1}.`;
  return fieldsRefused(accountSet({ features })).map((field) => {
    assert.ok(field.startsWith(at), field);
    return field.slice(at.length);
  });
}

function take(...features: unknown[]): readonly Feature[] {
  return parseFeatureSet(accountSet({ features })).features;
}

describe("a feature set", () => {
  it("is taken when it fits, and what it leaves out is filled in", () => {
    const set = parseFeatureSet(accountSet());
    assert.equal(featureSetKey(set), "account@1.0.0");
    assert.equal(set.lateness, "1h");
    assert.deepEqual(
      set.features.map(({ kind, type }) => [kind, type]),
      [
        ["request", "float"],
        ["online", "category"],
        ["window", "float"],
        ["derived", "float"],
      ],
    );
    const [, online, window] = set.features;
    assert.ok(online?.kind === "online" && window?.kind === "window");
    assert.equal(online.ttl, "90d");
    assert.equal(window.windowing, "sliding");
    assert.equal(window.decimals, 6);
  });

  it("has names that are safe as subject, key and file", () => {
    for (const bad of ["", "A", "1a", "a.b", "a b", "a*", "a>", "../a", "ä", "x".repeat(64), "a\n"]) {
      assert.deepEqual(fieldsRefused(accountSet({ name: bad })), ["name"], bad);
      assert.deepEqual(fieldsRefused(accountSet({ entity: { type: bad, key: "id" } })), ["entity.type"]);
    }
    for (const bad of ["1", "v1.0.0", "1.0.0+x", "latest", ""])
      assert.deepEqual(fieldsRefused(accountSet({ version: bad })), ["version"], bad);
    for (const bad of ["", "a b", "constructor", "__proto__"])
      assert.ok(fieldsRefused(accountSet({ entity: { type: "a", key: bad } })).includes("entity.key"), bad);
  });

  it("names no feature or field as JavaScript objects name theirs", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty"]) {
      assert.deepEqual(fieldsOfLast({ ...NUMBER, name }), ["name"]);
      assert.deepEqual(fieldsOfLast({ ...NUMBER, field: name }), ["field"]);
      assert.deepEqual(fieldsOfLast({ ...WINDOW, field: name }), ["field"]);
      assert.deepEqual(fieldsOfLast({ ...WINDOW, filter: { field: name, in: [1] } }), ["filter.field"]);
    }
  });

  it("has each name once, and from 1 to 500 features", () => {
    assert.deepEqual(fieldsOfLast(NUMBER, NUMBER), ["name"]);
    assert.deepEqual(fieldsRefused(accountSet({ features: [] })), ["features"]);
    assert.equal(take(...differentWindows(500)).length, 500);
    assert.deepEqual(fieldsRefused(accountSet({ features: differentWindows(501) })), ["features"]);
  });

  it("refuses unknown fields, other kinds and what is no object", () => {
    assert.deepEqual(fieldsRefused(accountSet({ extra: 1 } as object)), ["feature-set.json"]);
    assert.deepEqual(fieldsRefused(accountSet({ features: [{ ...NUMBER, hop: "1m" }] })), ["features.0"]);
    assert.deepEqual(fieldsRefused(accountSet({ features: [{ ...NUMBER, kind: "batch" }] })), [
      "features.0.kind",
    ]);
    assert.deepEqual(fieldsRefused(accountSet({ entity: { type: "a", key: "b", ttl: "1h" } })), ["entity"]);
    for (const set of [null, [], "x", 1, undefined])
      assert.deepEqual(fieldsRefused(set), ["feature-set.json"]);
  });

  it("is refused with at most 20 details", () => {
    const features = Array.from({ length: 30 }, (_, index) => ({ ...NUMBER, name: `n${index}`, ttl: "x" }));
    assert.equal(fieldsRefused(accountSet({ features })).length, 20);
  });

  it("bounds its durations", () => {
    assert.deepEqual(fieldsRefused({ ...accountSet(), lateness: "8d" }), ["lateness"]);
    assert.deepEqual(fieldsOfLast({ ...NUMBER, ttl: "366d" }), ["ttl"]);
    for (const window of ["9s", "91d", "1w", "", "1h "])
      assert.deepEqual(fieldsOfLast({ ...WINDOW, window }), ["window"], window);
    for (const window of ["10s", "1m", "10m", "1h", "24h", "7d", "30d", "90d"]) take({ ...WINDOW, window });
  });
});

describe("a feature's values", () => {
  it("agree with its type", () => {
    take({ ...NUMBER, min: 1, max: 1, default: 1 });
    assert.deepEqual(fieldsOfLast({ ...NUMBER, min: 2, max: 1 }), ["min"]);
    assert.deepEqual(fieldsOfLast({ ...NUMBER, max: 1, default: 2 }), ["default"]);
    assert.deepEqual(fieldsOfLast({ ...NUMBER, type: "int", default: 0.5 }), ["default"]);
    assert.deepEqual(fieldsOfLast({ ...NUMBER, type: "bool", default: 1 }), ["default"]);
    assert.deepEqual(fieldsOfLast({ ...CATEGORY, default: "c" }), ["default"]);
    assert.deepEqual(fieldsOfLast({ ...CATEGORY, categories: undefined }), ["categories"]);
    assert.deepEqual(fieldsOfLast({ ...CATEGORY, categories: ["a", "a"] }), ["categories"]);
    assert.deepEqual(fieldsOfLast({ ...CATEGORY, min: 1 }), ["min"]);
    assert.deepEqual(fieldsOfLast({ ...NUMBER, type: "bool", max: 1 }), ["max"]);
    assert.deepEqual(fieldsOfLast({ ...NUMBER, categories: ["a"] }), ["categories"]);
  });

  it("are checked as the type and range say", () => {
    const problems = (feature: unknown, ...values: unknown[]): (string | undefined)[] =>
      values.map(createFeatureCheck(take(feature)[0] as Feature));
    const finite = "must be a finite number";
    assert.deepEqual(problems({ ...NUMBER, min: 0, max: 2 }, 0, 2, 1.5, -1, 2.1, "1", Number.NaN, null), [
      undefined,
      undefined,
      undefined,
      "must be at least 0",
      "must be at most 2",
      finite,
      finite,
      finite,
    ]);
    assert.deepEqual(problems({ ...NUMBER, type: "int" }, -3, 0.5), [undefined, "must be an integer"]);
    assert.deepEqual(problems({ ...NUMBER, type: "timestamp" }, 1.5, "2026-11-21"), [undefined, finite]);
    assert.deepEqual(problems({ ...NUMBER, type: "bool" }, true, 1), [undefined, "must be true or false"]);
    assert.deepEqual(problems(CATEGORY, "b", "c", 1), [
      undefined,
      "is none of the feature's categories",
      "must be a string",
    ]);
  });
});

describe("a window", () => {
  it("names its field, unless it counts events", () => {
    for (const aggregation of AGGREGATIONS) {
      if (aggregation === "count") continue;
      take({ ...WINDOW, aggregation });
      assert.deepEqual(fieldsOfLast({ ...COUNT, aggregation }), ["field"], aggregation);
    }
    take(COUNT);
    assert.deepEqual(fieldsOfLast({ ...WINDOW, aggregation: "count" }), ["field"]);
    assert.deepEqual(fieldsOfLast({ ...WINDOW, aggregation: "median" }), ["aggregation"]);
  });

  it("gives a number", () => {
    assert.deepEqual(fieldsOfLast({ ...WINDOW, aggregation: "last", type: "category", categories: ["a"] }), [
      "type",
    ]);
    assert.deepEqual(fieldsOfLast({ ...WINDOW, aggregation: "last", type: "bool" }), ["type"]);
    for (const aggregation of ["mean", "stddev"])
      assert.deepEqual(fieldsOfLast({ ...WINDOW, aggregation, type: "int" }), ["type"]);
    for (const aggregation of ["min", "max", "first", "last", "distinct_count"])
      take({ ...WINDOW, aggregation, type: "int" }, { ...COUNT, name: "c", type: "int" });
    assert.deepEqual(fieldsOfLast({ ...WINDOW, type: "int" }), ["type"], "a sum has six decimals");
    take({ ...WINDOW, type: "int", decimals: 0 });
    take({ ...WINDOW, aggregation: "max", type: "timestamp" });
  });

  it("is divided by its hop into at most 64 steps", () => {
    for (const hop of ["1m", "20m", "30m", "1h"]) take({ ...WINDOW, hop });
    take({ ...WINDOW, window: "64m", hop: "1m" });
    assert.deepEqual(fieldsOfLast({ ...WINDOW, window: "65m", hop: "1m" }), ["hop"]);
    for (const hop of ["7m", "2h", "1s"]) assert.deepEqual(fieldsOfLast({ ...WINDOW, hop }), ["hop"], hop);
    assert.deepEqual(fieldsOfLast({ ...WINDOW, windowing: "tumbling", hop: "1m" }), ["hop"]);
    take({ ...WINDOW, windowing: "tumbling" });
  });

  it("needs a hop when no round one divides it", () => {
    assert.deepEqual(fieldsOfLast({ ...WINDOW, window: "100003s" }), ["hop"]);
    assert.deepEqual(fieldsOfLast({ ...WINDOW, window: "x", hop: "1m" }), ["window"]);
  });

  it("keeps from 0 to 9 decimals and filters by at most 100 values", () => {
    for (const decimals of [-1, 10, 1.5])
      assert.deepEqual(fieldsOfLast({ ...WINDOW, decimals }), ["decimals"]);
    const filter = (count: number): unknown => ({
      ...WINDOW,
      filter: { field: "f", in: Array.from({ length: count }, (_, index) => index) },
    });
    take(filter(100));
    take({ ...WINDOW, filter: { field: "f", in: ["a", 1, true] } });
    for (const count of [0, 101]) assert.deepEqual(fieldsOfLast(filter(count)), ["filter.in"]);
    assert.deepEqual(fieldsOfLast({ ...WINDOW, filter: { field: "f", in: [null] } }), ["filter.in.0"]);
  });
});

describe("a derived feature", () => {
  it("takes numbers from further up in its set", () => {
    take(NUMBER, RATIO);
    take(NUMBER, { ...NUMBER, name: "b", type: "bool" }, { ...RATIO, inputs: ["n", "b"] });
    take(NUMBER, RATIO, { ...RATIO, name: "e", inputs: ["n", "d"] });
    assert.deepEqual(fieldsRefused(accountSet({ features: [RATIO, NUMBER] })), [
      "features.0.inputs",
      "features.0.inputs",
    ]);
    assert.deepEqual(fieldsOfLast(NUMBER, { ...RATIO, inputs: ["n", "d"] }), ["inputs"]);
    assert.deepEqual(fieldsOfLast(NUMBER, CATEGORY, { ...RATIO, inputs: ["n", "c"] }), ["inputs"]);
  });

  it("is called as its function says", () => {
    assert.deepEqual(fieldsOfLast(NUMBER, { ...RATIO, inputs: ["n"] }), ["inputs"]);
    assert.deepEqual(fieldsOfLast(NUMBER, { ...RATIO, part: "hour" }), ["part"]);
    assert.deepEqual(fieldsOfLast(NUMBER, { ...RATIO, function: "eval" }), ["function"]);
    const bucket = { ...RATIO, function: "bucket", inputs: ["n"] };
    take(NUMBER, { ...bucket, edges: [1, 2], type: "int" });
    assert.deepEqual(fieldsOfLast(NUMBER, { ...bucket, edges: [2, 1] }), ["edges"]);
    assert.deepEqual(fieldsOfLast(NUMBER, { ...bucket, edges: [] }), ["edges"]);
  });

  it("is a float, or an int where the function gives integers of its inputs", () => {
    const whole = ["int", "bool", "timestamp"].map((type) => ({ ...NUMBER, name: type, type }));
    for (const name of ["difference", "product"]) {
      const int = { ...RATIO, function: name, type: "int" };
      for (const { name: other } of whole) take(...whole, { ...int, inputs: ["int", other] });
      assert.deepEqual(fieldsOfLast(NUMBER, ...whole, { ...int, inputs: ["int", "n"] }), ["type"]);
    }
    take(NUMBER, { ...RATIO, function: "time_part", part: "hour", inputs: ["n"], type: "int" });
    for (const type of ["int", "bool", "timestamp"])
      assert.deepEqual(fieldsOfLast(NUMBER, { ...RATIO, type }), ["type"], type);
    assert.deepEqual(fieldsOfLast(NUMBER, { ...RATIO, type: "category", categories: ["a"] }), ["type"]);
  });
});
