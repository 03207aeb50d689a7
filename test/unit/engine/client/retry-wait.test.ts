import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { backOffMs, retryAfterMs, retryWaitMs, type Tried } from "../../../../engine/client/retry-wait.ts";

const answered = (status: number, after?: string): Tried => ({
  kind: "answered",
  status,
  headers: { "retry-after": after },
});

describe("when a request is sent again", () => {
  it("429 after what the engine says, whatever the request does", () => {
    for (const effect of ["reads", "repeats", "changes"] as const) {
      assert.equal(retryWaitMs(answered(429, "2"), effect, 1, 0), 2_000);
      assert.equal(retryWaitMs(answered(429, "2"), effect, 1, 1), 2_500);
    }
  });

  it("503 only if the request may be repeated", () => {
    assert.equal(retryWaitMs(answered(503, "1"), "reads", 1, 0), 1_000);
    assert.equal(retryWaitMs(answered(503, "1"), "repeats", 1, 0), 1_000);
    assert.equal(retryWaitMs(answered(503, "1"), "changes", 1, 0), undefined);
  });

  it("not without Retry-After, and no other status", () => {
    assert.equal(retryWaitMs(answered(429), "reads", 1, 0), undefined);
    assert.equal(retryWaitMs(answered(503), "reads", 1, 0), undefined);
    for (const status of [200, 400, 404, 409, 413, 500, 502, 504])
      assert.equal(retryWaitMs(answered(status, "1"), "reads", 1, 0), undefined, String(status));
  });

  it("without a connection always, after a lost one only what reads", () => {
    assert.equal(retryWaitMs({ kind: "unsent" }, "changes", 1, 0), 50);
    assert.equal(retryWaitMs({ kind: "unsent" }, "changes", 3, 0), 200);
    assert.equal(retryWaitMs({ kind: "lost" }, "reads", 1, 0), 50);
    assert.equal(retryWaitMs({ kind: "lost" }, "repeats", 1, 0), undefined);
    assert.equal(retryWaitMs({ kind: "lost" }, "changes", 1, 0), undefined);
    assert.equal(retryWaitMs({ kind: "late" }, "reads", 1, 0), undefined);
  });

  it("probes never", () => {
    assert.equal(retryWaitMs({ kind: "unsent" }, "probes", 1, 0), undefined);
    assert.equal(retryWaitMs(answered(503, "1"), "probes", 1, 0), undefined);
  });

  it("no sooner than the back-off when Retry-After is 0", () => {
    assert.equal(retryWaitMs(answered(429, "0"), "reads", 2, 0), 100);
  });

  it("backs off up to two seconds", () => {
    assert.deepEqual([1, 2, 3, 6, 7, 100].map(backOffMs), [50, 100, 200, 1_600, 2_000, 2_000]);
  });
});

describe("Retry-After", () => {
  const nowMs = Date.parse("2026-11-22T03:00:00Z");

  it("is read as seconds and as a date", () => {
    assert.equal(retryAfterMs("3", nowMs), 3_000);
    assert.equal(retryAfterMs("Sun, 22 Nov 2026 03:00:05 GMT", nowMs), 5_000);
    assert.equal(retryAfterMs("Sun, 22 Nov 2026 02:59:00 GMT", nowMs), 0);
  });

  it("is none when it cannot be read", () => {
    assert.equal(retryAfterMs(undefined, nowMs), undefined);
    assert.equal(retryAfterMs("soon", nowMs), undefined);
  });
});
