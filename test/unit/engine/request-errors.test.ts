import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import {
  parseRequestErrorReport,
  REPORT_COUNTS_MAX,
  type RequestErrorReport,
} from "../../../engine/core/request-error-report.ts";
import { ErrorReporter } from "../../../engine/error-reporter.ts";
import { RequestErrors } from "../../../engine/request-errors.ts";

const MODEL = { name: "fraud", version: "1.0.0" };
const LOGGER = pino({ level: "silent" });

describe("counts of failed requests", () => {
  it("are kept per minute, model version, entrance and code", () => {
    let nowMs = 120_000;
    const errors = new RequestErrors(() => nowMs);
    errors.count(MODEL, "http", "INTERNAL");
    errors.count(MODEL, "http", "INTERNAL");
    errors.count(MODEL, "nats", "INTERNAL");
    errors.count(undefined, "http", "MODEL_NOT_FOUND");
    nowMs = 180_001;
    errors.count(MODEL, "http", "INTERNAL");
    const of = (minute: number, source: string, count: number) => ({
      minute,
      model_name: "fraud",
      model_version: "1.0.0",
      source,
      code: "INTERNAL",
      count,
    });
    assert.deepEqual(errors.take()?.counts, [
      of(120, "http", 2),
      of(120, "nats", 1),
      { minute: 120, model_name: "", model_version: "", source: "http", code: "MODEL_NOT_FOUND", count: 1 },
      of(180, "http", 1),
    ]);
    assert.equal(errors.take(), undefined);
  });

  it("are bounded, and still complete then", () => {
    const errors = new RequestErrors(() => 0);
    for (let index = 0; index < REPORT_COUNTS_MAX + 500; index++)
      errors.count({ name: `m${index}`, version: "1.0.0" }, "http", "INTERNAL");
    const counts = errors.take()?.counts ?? [];
    assert.equal(counts.length, REPORT_COUNTS_MAX + 1);
    assert.equal(counts.at(-1)?.model_name, "");
    assert.equal(
      counts.reduce((sum, { count }) => sum + count, 0),
      REPORT_COUNTS_MAX + 500,
    );
  });

  it("are reported again, the same under the same id, until the stream has them", async () => {
    const errors = new RequestErrors(() => 0);
    const published: [string, string][] = [];
    let isUp = false;
    const reporter = new ErrorReporter({
      errors,
      publish: async (id, payload) => {
        published.push([id, payload]);
        if (!isUp) throw new Error("no acknowledgement");
      },
      logger: LOGGER,
    });
    errors.count(MODEL, "http", "INTERNAL");
    await reporter.report();
    errors.count(MODEL, "http", "QUEUE_FULL");
    await reporter.report();
    isUp = true;
    await reporter.report();
    await reporter.stop();
    assert.equal(published.length, 4);
    assert.deepEqual(published[1], published[0]);
    assert.deepEqual(published[2], published[0]);
    const last = JSON.parse(published[3]?.[1] ?? "") as RequestErrorReport;
    assert.deepEqual(
      last.counts.map(({ code }) => code),
      ["QUEUE_FULL"],
    );
    assert.equal(last.report_id, published[3]?.[0]);
  });

  it("are read back strictly", () => {
    const count = {
      minute: 60,
      model_name: "",
      model_version: "",
      source: "http",
      code: "INTERNAL",
      count: 1,
    };
    const report = { report_id: "9f0a4a5e-2b1c-4d5e-8f60-718293a4b5c6", counts: [count] };
    const parse = (json: unknown) => parseRequestErrorReport(Buffer.from(JSON.stringify(json)));
    assert.deepEqual(parse(report), report);
    for (const wrong of [
      { ...report, counts: [{ ...count, source: "mail" }] },
      { ...report, counts: [{ ...count, code: "SOMETHING" }] },
      { ...report, counts: [{ ...count, minute: 61 }] },
      { ...report, counts: [{ ...count, model_name: "../x" }] },
      { ...report, counts: [] },
      { ...report, more: 1 },
    ])
      assert.throws(() => parse(wrong), { code: "INVALID_REQUEST" });
    assert.throws(() => parseRequestErrorReport(Buffer.from("{")), { code: "INVALID_REQUEST" });
  });
});
