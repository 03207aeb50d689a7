/** What may be active side by side. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../../engine/core/errors.ts";
import type { FeatureSet } from "../../../../engine/core/feature-set.ts";
import {
  COLUMNS_MAX,
  checkAgreement,
  ENTITY_TYPES_MAX,
  SETS_MAX,
} from "../../../../engine/features/set-agreement.ts";
import { differentWindows, parsedSet } from "../../../support/feature-sets.ts";

function refused(active: readonly FeatureSet[], added: FeatureSet): EngineError {
  try {
    checkAgreement(active, added);
  } catch (error) {
    assert.ok(error instanceof EngineError);
    return error;
  }
  return assert.fail("it was allowed");
}

const entity = (type: string, key: string) => ({ type, key });
const online = (name: string, type: string, field?: string) => ({
  name,
  kind: "online",
  type,
  ...(field === undefined ? {} : { field }),
  ...(type === "category" ? { categories: ["a"] } : {}),
});
const window = (name: string, aggregation: string, field: string) => ({
  name,
  kind: "window",
  aggregation,
  field,
  window: "1h",
});
const withFeatures = (name: string, ...features: unknown[]): FeatureSet => parsedSet({ name, features });

describe("feature sets side by side", () => {
  it("may be versions of one set, and several of one entity type", () => {
    checkAgreement([], parsedSet());
    const active = [parsedSet(), parsedSet({ version: "1.1.0" })];
    checkAgreement(active, parsedSet({ version: "2.0.0" }));
    checkAgreement(active, parsedSet({ name: "risk" }));
    checkAgreement(active, parsedSet({ name: "merchant", entity: entity("merchant", "merchant_id") }));
  });

  it("have one key per entity type", () => {
    const error = refused([parsedSet()], parsedSet({ name: "risk", entity: entity("account", "id") }));
    assert.equal(error.code, "CONFLICT");
    assert.match(error.message, /entity\.key is "id", but "account_id" in account@1\.0\.0/);
    assert.equal(error.details[0]?.field, "entity.key");
  });

  it("keep their entity type from version to version", () => {
    const next = parsedSet({ version: "2.0.0", entity: entity("merchant", "merchant_id") });
    assert.equal(refused([parsedSet()], next).details[0]?.field, "entity.type");
  });

  it("expect the same content in a field of the events", () => {
    const contents: (readonly [unknown, unknown])[] = [
      [online("x", "float"), online("x", "category")],
      [online("x", "bool"), online("x", "int")],
      [online("x", "category"), window("w", "sum", "x")],
      [window("w", "last", "x"), online("y", "category", "x")],
    ];
    for (const [a, b] of contents) {
      const error = refused([withFeatures("a", a)], withFeatures("b", b));
      assert.equal(error.code, "CONFLICT");
      assert.match(error.message, /the field "x" cannot hold .* of b@1\.0\.0 .* of a@1\.0\.0/);
    }
    refused(
      [withFeatures("a", window("w", "sum", "x"), online("x", "bool"))],
      withFeatures("b", online("x", "int")),
    );
    for (const [a, b] of [
      [online("x", "float"), online("x", "timestamp")],
      [online("x", "bool"), window("w", "sum", "x")],
      [online("x", "category"), window("w", "distinct_count", "x")],
      [online("x", "category"), online("y", "float")],
    ])
      checkAgreement([withFeatures("a", a)], withFeatures("b", b));
    const elsewhere = parsedSet({
      name: "b",
      entity: entity("merchant", "id"),
      features: [online("x", "category")],
    });
    checkAgreement([withFeatures("a", online("x", "float"))], elsewhere);
  });

  it("agree within one set too", () => {
    assert.equal(
      refused([], withFeatures("a", online("x", "float"), online("y", "bool", "x"))).code,
      "CONFLICT",
    );
  });
});

describe("the bounds of active feature sets", () => {
  it("are so many sets of one entity type", () => {
    const sets = Array.from({ length: SETS_MAX }, (_, index) => parsedSet({ version: `1.${index}.0` }));
    checkAgreement(sets.slice(1), parsedSet({ version: "2.0.0" }));
    const error = refused(sets, parsedSet({ version: "2.0.0" }));
    assert.equal(error.code, "CONFLICT");
    assert.match(error.message, new RegExp(`at most ${SETS_MAX} can be active: archive`));
  });

  it("are so many entity types", () => {
    const sets = Array.from({ length: ENTITY_TYPES_MAX }, (_, index) =>
      parsedSet({ name: `set${index}`, entity: entity(`type${index}`, "id") }),
    );
    checkAgreement(sets, parsedSet({ name: "more", entity: entity("type0", "id") }));
    const error = refused(sets, parsedSet({ name: "more", entity: entity("more", "id") }));
    assert.match(error.message, new RegExp(`at most ${ENTITY_TYPES_MAX} can be active`));
  });

  it("are so many different windows of one entity type, equal ones counted once", () => {
    const features = differentWindows(COLUMNS_MAX);
    checkAgreement([], withFeatures("a", ...features));
    assert.equal(
      refused([], withFeatures("a", ...differentWindows(COLUMNS_MAX + 1))).code,
      "FEATURE_SET_INVALID",
    );
    const active = [withFeatures("a", ...features)];
    checkAgreement(active, parsedSet({ name: "a", version: "1.1.0", features }));
    const error = refused(active, withFeatures("b", window("w", "sum", "another")));
    assert.equal(error.code, "CONFLICT");
    assert.match(error.message, new RegExp(`${COLUMNS_MAX + 1} different windows`));
  });
});
