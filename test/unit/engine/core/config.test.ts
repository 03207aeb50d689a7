/** Settings from the environment: defaults, bounds, and errors that name the variable. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readConfig, SETTINGS } from "../../../../engine/core/config.ts";
import { EngineError } from "../../../../engine/core/errors.ts";

function fieldsRefused(env: Record<string, string>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    assert.ok(error instanceof EngineError);
    for (const { field } of error.details) assert.ok(error.message.includes(field));
    return error.details.map(({ field }) => field);
  }
  return [];
}

describe("the configuration", () => {
  it("has a default for everything that needs one, and is frozen", () => {
    const config = readConfig({ PATH: "/bin" });
    assert.equal(config.httpHost, "127.0.0.1");
    assert.equal(config.httpPort, undefined);
    assert.equal(config.logAck, "before-response");
    assert.ok(Object.isFrozen(config));
    assert.equal(readConfig({ MILLRACE_WORKERS: "" }).workers, 0);
  });

  it("reads numbers as numbers and refuses what is out of bounds or none", () => {
    assert.equal(readConfig({ MILLRACE_HTTP_PORT: "0" }).httpPort, 0);
    assert.equal(readConfig({ MILLRACE_QUEUE_ROWS_MAX: "7" }).queueRowsMax, 7);
    for (const value of ["0", "-1", "1.5", "x", "1e99", "NaN"])
      assert.deepEqual(fieldsRefused({ MILLRACE_QUEUE_ROWS_MAX: value }), ["MILLRACE_QUEUE_ROWS_MAX"], value);
    assert.deepEqual(fieldsRefused({ MILLRACE_HTTP_PORT: "65536" }), ["MILLRACE_HTTP_PORT"]);
    for (const prefix of ["A", "a.b", "a*", "1a"])
      assert.deepEqual(fieldsRefused({ MILLRACE_PREFIX: prefix }), ["MILLRACE_PREFIX"]);
    assert.deepEqual(fieldsRefused({ MILLRACE_DATABASE: "a;b" }), ["MILLRACE_DATABASE"]);
  });

  it("refuses unknown variables of its own, and names all that is wrong at once", () => {
    assert.deepEqual(fieldsRefused({ MILLRACE_WORKER: "1", MILLRACE_LOG_LEVEL: "loud", OTHER: "x" }), [
      "MILLRACE_LOG_LEVEL",
      "MILLRACE_WORKER",
    ]);
  });

  it("has one variable per setting, and a sentence for each", () => {
    const names = Object.values(SETTINGS).map(({ env }) => env);
    assert.equal(new Set(names).size, names.length);
    for (const { env, about } of Object.values(SETTINGS)) {
      assert.match(env, /^(MILLRACE_[A-Z_]+|(NATS|REDIS|CLICKHOUSE)_URL)$/);
      assert.ok(about.length > 10);
    }
  });
});
