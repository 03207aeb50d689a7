/**
 * The pure parts of the embedded ClickHouse's HTTP handling: errors, slots, analysts' settings, forms, configuration.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { analystSettings } from "../../../storage/analyst-settings.ts";
import { multipartFields } from "../../../storage/clickhouse-body.ts";
import { clickhouseConfig } from "../../../storage/clickhouse-config.ts";
import { ClickhouseError, toClickhouseError } from "../../../storage/clickhouse-error.ts";
import { equalSecrets } from "../../../storage/clickhouse-request.ts";
import { QuerySlots } from "../../../storage/query-slots.ts";

const config = clickhouseConfig.parse({ dataDir: "x", password: "y" });

describe("errors", () => {
  test("the engine's double wrapping is undone", () => {
    const error = toClickhouseError(
      new Error(
        "Code: 33. DB::Exception: Code: 33. DB::Exception: Cut (at row 1)\n: more. (CANNOT_READ) (version 1.2). (CANNOT_READ)",
      ),
    );
    assert.equal(
      error.toText("1.2"),
      "Code: 33. DB::Exception: Cut (at row 1)\n: more. (CANNOT_READ) (version 1.2)\n",
    );
  });

  test("statuses are those of the real server", () => {
    const statusOf = (code: number) => new ClickhouseError(code, "").status;
    assert.deepEqual([62, 60, 81, 516, 202, 241].map(statusOf), [400, 404, 404, 403, 503, 500]);
  });

  test("anything else is a standard exception", () => {
    assert.equal(toClickhouseError("odd").code, 1001);
  });
});

describe("slots", () => {
  test("queries run in order of arrival, and the line is bounded", async () => {
    const slots = new QuerySlots({ runningMax: 1, waitingMax: 1 });
    const order: number[] = [];
    let release: () => void = () => undefined;
    const first = slots.run(async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      order.push(1);
    });
    const second = slots.run(async () => void order.push(2));
    await assert.rejects(
      slots.run(async () => undefined),
      /Too many simultaneous queries/,
    );
    release();
    await Promise.all([first, second]);
    await slots.run(async () => void order.push(3));
    assert.deepEqual(order, [1, 2, 3]);
  });

  test("a query that fails gives its slot back", async () => {
    const slots = new QuerySlots({ runningMax: 1, waitingMax: 0 });
    await assert.rejects(
      slots.run(async () => Promise.reject(new Error("no"))),
      /no/,
    );
    assert.equal(await slots.run(async () => 1), 1);
  });
});

describe("analysts' settings", () => {
  test("limits may be lowered, not raised or lifted", () => {
    const lowered = new Map(analystSettings(config.analyst, [["max_execution_time", "3"]]));
    assert.equal(lowered.get("max_execution_time"), "3");
    for (const value of ["0", "31", "-1", "x", ""]) {
      assert.throws(
        () => analystSettings(config.analyst, [["max_execution_time", value]]),
        /may not set/,
        value,
      );
    }
  });

  test("formatting is free, schemas and the rest are not", () => {
    assert.doesNotThrow(() => analystSettings(config.analyst, [["output_format_json_quote_denormals", "1"]]));
    for (const name of ["output_format_schema", "format_schema", "allow_ddl", "max_result_rows_"]) {
      assert.throws(() => analystSettings(config.analyst, [[name, "1"]]), /may not set/, name);
    }
  });
});

test("a form's fields are read with their line breaks and letters", () => {
  const body = '--b\r\nContent-Disposition: form-data; name="param_a"\r\n\r\n\u00e9\r\n\r\n--b--\r\n';
  const fields = multipartFields("multipart/form-data; boundary=b", Buffer.from(body));
  assert.deepEqual([...fields], [["param_a", "\u00e9\r\n"]]);
});

test("secrets of any length compare", () => {
  assert.equal(equalSecrets("a", "a"), true);
  assert.equal(equalSecrets("a", "ab"), false);
});

test("the configuration is strict and keeps chdb's default database out", () => {
  assert.throws(() => clickhouseConfig.parse({ dataDir: "x", password: "y", extra: 1 }));
  assert.throws(() => clickhouseConfig.parse({ dataDir: "x", password: "y", database: "default" }));
  assert.throws(() => clickhouseConfig.parse({ dataDir: "x", password: "y", user: "default" }));
});
