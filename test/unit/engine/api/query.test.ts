import assert from "node:assert/strict";
import { it } from "node:test";
import { z } from "zod";
import { queryIn } from "../../../../engine/api/query.ts";
import { timeText, wholeNumber } from "../../../../engine/contract/query-texts.ts";

const SCHEMA = z.strictObject({ hours: wholeNumber(1, 48, 24), since: timeText.optional() });

function read(query: string): unknown {
  return queryIn({ getQuery: () => query }, SCHEMA);
}

it("a query is read by its schema, defaults filled in", () => {
  assert.deepEqual(read(""), { hours: 24 });
  assert.deepEqual(read("hours=3&since=2026-01-01T00%3A00%3A00Z"), { hours: 3, since: Date.UTC(2026, 0, 1) });
  assert.deepEqual(read("since=1000&hours=4&hours=5"), { hours: 5, since: 1_000 });
});

it("what is no number, no time or not known is refused by name", () => {
  for (const [query, field] of [
    ["hours=0", "hours"],
    ["hours=49", "hours"],
    ["hours=0x10", "hours"],
    ["hours=1e1", "hours"],
    ["hours=", "hours"],
    ["hours= 5", "hours"],
    ["hours=5.0", "hours"],
    ["since=yesterday", "since"],
    ["since=99999999999999999999", "since"],
    ["other=1", "query"],
    ["__proto__=1", "query"],
  ] as const)
    assert.throws(
      () => read(query),
      (error: { code: string; details: { field: string }[] }) => {
        assert.equal(error.code, "INVALID_REQUEST", query);
        assert.deepEqual(
          error.details.map((detail) => detail.field),
          [field],
          query,
        );
        return true;
      },
    );
});
