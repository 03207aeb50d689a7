/**
 * Waiting in tests: for a condition, under a deadline, never for a fixed time.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

export async function until(isTrue: () => Promise<boolean>, deadlineMs = 10_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await isTrue())) {
    assert.ok(Date.now() < end, "the condition did not come true in time");
    await sleep(50);
  }
}
