/**
 * `millrace drift` and `millrace monitor` against a running engine: what drifted is on top, the page has a picture of every
 * column, and settings come back as they were set.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { DriftAnswer } from "../../engine/monitor/drift/drift-answer.ts";
import { toReportRows } from "../../engine/monitor/drift/drift-report.ts";
import { parseDriftSettings } from "../../engine/monitor/drift/drift-settings.ts";
import { createIncidentState, fold } from "../../engine/monitor/drift/incident.ts";
import type { WindowVerdict } from "../../engine/monitor/drift/window-verdict.ts";
import { DriftReportStore } from "../../storage/drift-report-store.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { contentOf, elementsOf, parseMarkup } from "../support/markup.ts";
import { type Payment, payments, paymentsCsv } from "../support/reference-rows.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

const REFERENCE_ROWS = 1_500;
const ROWS = 600;
const MINUTE_MS = 60_000;

let engine: TestEngine;
let folder: TempFolder;

before(async () => {
  engine = await startTestEngine();
  folder = await createTempFolder();
});
after(async () => {
  await engine?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function cli(...args: string[]): Promise<CliResult> {
  return runCli([...args, "--url", engine.httpUrl]);
}

async function succeeds(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Amounts in the upper half of what the reference has, and no payment from one of its countries. */
function drifted(row: Payment): Payment {
  return {
    ...row,
    amount: Number(row.amount) * 0.5 + 480,
    country: row.country === "US" ? "DE" : row.country,
  };
}

describe("drift on the command line", () => {
  it("without a reference says which command makes one, and how a model is called", async () => {
    const { code, stderr } = await cli("drift", "card-fraud");
    assert.equal(code, 1);
    assert.match(
      stderr,
      /has no reference to compare with; make one: millrace reference create card-fraud --version 1\.0\.0/,
    );
    assert.match((await cli("drift", "nothing")).stderr, /nothing/);
  });

  it("of a window without predictions says that a longer one may have some", async () => {
    const file = join(folder.path, "train.csv");
    await writeFile(file, paymentsCsv(payments(REFERENCE_ROWS, 11)));
    await succeeds("reference", "create", "card-fraud", "--file", file);
    const table = await succeeds("drift", "card-fraud", "--window", "90m", "--fail-on", "drift");
    assert.match(table, /^card-fraud 1\.0\.0: insufficient; 0 of \d+ columns drift$/m);
    assert.match(table, /^no open incident$/m);
    assert.match(table, /^hint: no prediction was counted in this window/m);
    assert.match(await succeeds("monitor", "show", "card-fraud"), /no window of card-fraud was judged yet/);
  });

  it("lists what drifted first, without colours outside a terminal", async () => {
    const instances = payments(ROWS, 12).map((row) => ({ features: drifted(row) }));
    assert.equal((await engine.post("/predict/batch", { instances })).status, 200);
    const table = await eventually(
      "the predictions are counted",
      async () => {
        const text = await succeeds("drift", "card-fraud", "--window", "2h");
        return text.includes(`${ROWS} predictions against`) && text;
      },
      30_000,
    );
    const [title = "", , , , head = "", ...lines] = table.split("\n");
    assert.match(title, /^card-fraud 1\.0\.0: drift, critical; \d of \d+ columns drift$/);
    assert.match(head, /^feature +verdict +rows +PSI +KS +null +problems +reference +current$/);
    const top = lines.slice(0, 2).map((line) => line.split(" ")[0]);
    assert.deepEqual(new Set(top), new Set(["amount", "country"]), table);
    assert.match(
      lines.find((line) => line.startsWith("hour ")) ?? "",
      /^hour +none +600 .*·[▁-█]{10,}· +·[▁-█]{10,}·$/,
    );
    assert.ok(!table.includes("\u001b"));
    assert.match(table, /hint: drift in one window is no incident yet/);
  });

  it("as JSON is what the engine answers, and --fail-on tells scripts by the exit code", async () => {
    const { code, stdout } = await cli("drift", "card-fraud", "--json", "--fail-on", "drift");
    assert.equal(code, 2);
    const answer = JSON.parse(stdout) as DriftAnswer;
    assert.equal(answer.verdict, "drift");
    const amount = answer.columns.find(({ feature }) => feature === "amount");
    assert.ok(amount?.is_critical);
    assert.deepEqual(Object.keys(amount.null_rate ?? {}), ["reference", "current", "p_value"]);
    for (const shares of [amount.bins.reference, amount.bins.current])
      assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
    const past = await cli(
      "drift",
      "card-fraud",
      "--from",
      "2026-01-01T00:00:00Z",
      "--to",
      "2026-01-02T00:00:00Z",
      "--fail-on",
      "drift",
    );
    assert.deepEqual(
      [past.code, /, 0 predictions/.test(past.stdout)],
      [0, true],
      "what is not judged is no drift",
    );
  });

  it("with --exact has distances from the rows, here against themselves, as the reference was made from a file", async () => {
    const { code, stderr } = await cli("drift", "card-fraud", "--exact");
    assert.equal(code, 1);
    assert.match(stderr, /made from a file, whose rows are not kept: name a window .* as reference_from/);
    const [from, to] = [-2, 1].map((hours) => new Date(Date.now() + hours * 60 * MINUTE_MS).toISOString());
    const itself = ["--exact", "--reference-from", from ?? "", "--reference-to", to ?? ""];
    const table = await succeeds("drift", "card-fraud", "--window", "2h", ...itself);
    assert.match(table, new RegExp(`^KS is exact: ${ROWS} predictions against ${ROWS} rows of 20`, "m"));
    assert.match(table, /^amount +drift, critical +600 +\d\.\d+ +0\.000 /m);
    const json = JSON.parse(await succeeds("drift", "card-fraud", "--json", ...itself)) as DriftAnswer;
    const amount = json.columns.find(({ feature }) => feature === "amount");
    assert.deepEqual([amount?.exact?.ks?.statistic, amount?.exact?.wasserstein?.distance], [0, 0]);
    assert.ok((amount?.ks?.low ?? 0) > 0.1, "the counts are compared with the reference");
  });

  it("names the option that is wrong", async () => {
    for (const [args, pattern] of [
      [["--window", "yesterday"], /window must be a duration from 5m to 400d/],
      [["--from", "yesterday"], /from must be milliseconds since 1970 or ISO 8601/],
      [["--fail-on", "rain"], /Allowed choices are drift/],
      [["--version", "9.0.0"], /9\.0\.0/],
      [["--html", join(folder.path, "no", "report.html")], /--html .*report\.html cannot be written/],
    ] as const) {
      const { code, stderr } = await cli("drift", "card-fraud", ...args);
      assert.equal(code, 1);
      assert.match(stderr, pattern);
    }
  });
});

describe("what the monitor found", () => {
  it("is shown, and the open incident stands in the table and on the page with a picture per column", async () => {
    await storeIncident();
    const shown = await succeeds("monitor", "show", "card-fraud");
    assert.match(
      shown,
      /^card-fraud 1\.0\.0: drift, critical, 0 predictions from 2026-11-0\d.* to 2026-11-0\d.* UTC$/m,
    );
    assert.match(
      shown,
      /^ {2}open incident [0-9a-f-]{36}: drift, critical, since 2026-11-01 00:15 UTC: amount$/m,
    );

    const file = join(folder.path, "report.html");
    const { code, stdout, stderr } = await cli("drift", "card-fraud", "--html", file);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^report written to .*report\.html$/m);
    assert.match(
      stdout,
      /^open incident [0-9a-f-]{36}: drift, critical, since 2026-11-01 00:15 UTC: amount$/m,
    );
    assert.match(stdout, /^hint: drift has an open incident; .*: millrace retrain status card-fraud$/m);
    const page = parseMarkup(await readFile(file, "utf8"));
    const { columns } = JSON.parse(await succeeds("drift", "card-fraud", "--json")) as DriftAnswer;
    assert.equal(elementsOf(page, "svg").length, columns.length);
    assert.equal(elementsOf(page, "script").length, 0);
    assert.match(contentOf(page), /PSI up to 0\.400/);
  });
});

describe("settings of monitoring", () => {
  it("are shown with what each means, set from a file, and shown in the form in which they are set", async () => {
    const before = await succeeds("monitor", "settings", "card-fraud");
    assert.match(before, /^window +1h +default +length of a window; /m);
    assert.match(before, /^drift\.psi_warning +0\.1 +default +bias-corrected PSI of a shift/m);
    const file = join(folder.path, "settings.json");
    await writeFile(file, JSON.stringify({ window: "6h", hop: "30m", drift: { psi_warning: 0.15 } }));
    const set = await succeeds("monitor", "set", "card-fraud", "--file", file);
    assert.match(set, /^window +6h +set /m);
    assert.match(set, /^drift\.psi_warning +0\.15 +set /m);
    assert.match(set, /^drift\.alpha +0\.01 +default /m);
    const json = await succeeds("monitor", "settings", "card-fraud", "--json");
    await writeFile(file, json);
    await succeeds("monitor", "set", "card-fraud", "--file", file);
    assert.equal(await succeeds("monitor", "settings", "card-fraud", "--json"), json);
  });

  it("that are wrong are refused by name, and none are shown of a model that is not there", async () => {
    const file = join(folder.path, "wrong.json");
    const refusal = async (text: string): Promise<string> => {
      await writeFile(file, text);
      const { code, stderr } = await cli("monitor", "set", "card-fraud", "--file", file);
      assert.equal(code, 1);
      return stderr;
    };
    assert.match(await refusal('{"drift": {"alpha": 2}}'), /drift settings: alpha: /);
    assert.match(await refusal('{"windw": "1h"}'), /windw/);
    assert.match(await refusal("{"), /wrong\.json cannot be read as JSON/);
    assert.match((await cli("monitor", "settings", "nothing")).stderr, /nothing/);
  });
});

describe("requests that are refused for their features", () => {
  it("are a change of the schema, from a tenth of all on, and the table says where to look", async () => {
    const refuse = async (rows: number): Promise<void> => {
      const instances = payments(rows, 13).map((row) => ({ features: { ...row, amount: "12,50" } }));
      assert.equal((await engine.post("/predict/batch", { instances })).status, 200);
    };
    const refusedCount = async (): Promise<number> => {
      const [row] = await engine.sql<{ count: number }>(
        "SELECT toUInt32(sum(count)) AS count FROM millrace.request_errors WHERE code = 'INVALID_FEATURES'",
      );
      return row?.count ?? 0;
    };
    await refuse(ROWS / 20);
    await eventually("they are counted", async () => (await refusedCount()) === ROWS / 20, 30_000);
    const few = JSON.parse(await succeeds("drift", "card-fraud", "--window", "2h", "--json")) as DriftAnswer;
    assert.deepEqual([few.verdict, few.problems], ["drift", []]);
    await refuse(ROWS);
    await eventually("they are counted", async () => (await refusedCount()) > ROWS, 30_000);
    const { code, stdout } = await cli("drift", "card-fraud", "--window", "2h", "--fail-on", "drift");
    assert.equal(code, 2);
    assert.match(stdout, /^card-fraud 1\.0\.0: data quality; .*; the whole window: schema_change 51\.2 %$/m);
    assert.match(stdout, /^hint: .*GET \/monitoring\/card-fraud\/latency counts refused requests by code$/m);
  });
});

/** As the monitor does after three windows in which the amount drifted. */
async function storeIncident(): Promise<void> {
  const series = { model: "card-fraud", version: "1.0.0", variant: null };
  const startMs = Date.UTC(2026, 10, 1);
  let state = createIncidentState(series);
  for (let at = 0; at < 3; at++) {
    const verdict: WindowVerdict = {
      ...series,
      referenceId: "0".repeat(64),
      startMs: startMs + at * 5 * MINUTE_MS,
      endMs: startMs + (at + 1) * 5 * MINUTE_MS,
      verdict: "drift",
      columns: [
        {
          column: "amount",
          verdict: "drift",
          psiCorrected: 0.4,
          pAdjusted: 0,
          isCritical: true,
          isQuiet: false,
          problems: [],
        },
      ],
    };
    ({ state } = fold(state, verdict, parseDriftSettings({})));
    const latest = { startMs, endMs: verdict.endMs, rows: 0, rowsLeftOut: 0, counts: {}, alarms: [] };
    const scores = { fedToMs: verdict.endMs, states: {}, latest };
    const rows = toReportRows({ verdict, measured: [], state, scores }, startMs);
    await new DriftReportStore(engine.clickhouse(), "millrace").insert(rows, `test:${at}`);
  }
}
