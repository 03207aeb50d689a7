/**
 * What a user without a password may do in the embedded ClickHouse, and one test for each attack on that.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ask, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { until } from "../support/until.ts";

let server: TestClickhouse;
/** A file and a web server that no analyst may reach. */
let secretFile: string;
let web: Server;
let webUrl: string;
let webRequests = 0;

before(async () => {
  server = await startTestClickhouse({ analyst: { waitingMax: 2, executionSecondsMax: 5 } });
  await server.client.command({
    query:
      "CREATE TABLE predictions (id UInt32, score Float64, `f.one` Float32) ENGINE = MergeTree ORDER BY id",
  });
  await server.client.command({
    query: "INSERT INTO predictions SELECT number, number / 10, 1 FROM numbers(10)",
  });
  await server.client.command({ query: "CREATE DATABASE other" });
  await server.client.command({
    query: "CREATE TABLE other.secrets (word String) ENGINE = MergeTree ORDER BY word",
  });
  await server.client.command({ query: "INSERT INTO other.secrets VALUES ('hidden')" });
  secretFile = join(server.dataDir, "secret.txt");
  await writeFile(secretFile, "hidden\n");
  web = createServer((_request, response) => {
    webRequests += 1;
    response.end("hidden\n");
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => web.once("listening", resolve));
  webUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;
});
after(async () => {
  web.close();
  await server.remove();
});

describe("analysts may", () => {
  const allowed: readonly (readonly [title: string, query: string, answer: RegExp])[] = [
    [
      "aggregate",
      "SELECT count(), round(avg(score), 2), quantile(0.5)(id), sumIf(id, id > 8) FROM predictions",
      /^10\t0\.45\t4\.5\t9\n$/,
    ],
    [
      "name a database and quote names",
      "SELECT max(`f.one`) FROM millrace.predictions AS p WHERE p.id IN (1, 2)",
      /^1\n$/,
    ],
    [
      "use WITH, JOIN and subqueries",
      "WITH a AS (SELECT id FROM predictions WHERE id < 2) SELECT p.id FROM predictions AS p JOIN a ON a.id = p.id WHERE p.id IN (SELECT id FROM a) ORDER BY p.id",
      /^0\n1\n$/,
    ],
    ["use UNION and parentheses", "SELECT 1 UNION ALL (SELECT 1 EXCEPT SELECT 2)", /^1\n1\n$/],
    [
      "use window functions",
      "SELECT row_number() OVER (PARTITION BY id % 2 ORDER BY id) AS n FROM predictions ORDER BY id LIMIT 3",
      /^1\n1\n2\n$/,
    ],
    [
      "use lambdas, arrays and dates",
      "SELECT arrayMap(x -> x + 1, [1, 2]), toDate('2024-01-02') + INTERVAL 1 DAY, CASE WHEN 1 THEN 'a' ELSE 'b' END",
      /^\[2,3\]\t2024-01-03\ta\n$/,
    ],
    [
      "test distributions",
      "SELECT kolmogorovSmirnovTest('two-sided')(score, id % 2).2 <= 1 FROM predictions",
      /^1\n$/,
    ],
    [
      "read their own temporary sets",
      "WITH t AS (SELECT 3 AS id) SELECT id IN t FROM predictions WHERE id = 3",
      /^1\n$/,
    ],
    ["fill gaps", "SELECT id FROM predictions WHERE id IN (0, 2) ORDER BY id WITH FILL", /^0\n1\n2\n$/],
    ["comment", "/* why */ SELECT 1 -- so\n", /^1\n$/],
    ["choose a format", "SELECT 1 AS a FORMAT JSONEachRow", /^\{"a":1\}\n$/],
    ["explain", "EXPLAIN PLAN SELECT * FROM predictions", /ReadFromMergeTree/],
    ["list tables", "SHOW TABLES", /predictions/],
    ["list tables by pattern", "SHOW TABLES FROM millrace LIKE 'pred%'", /^predictions\n$/],
    ["list databases", "SHOW DATABASES", /millrace/],
    ["see how a table was made", "SHOW CREATE TABLE predictions", /CREATE TABLE millrace\.predictions/],
    ["describe a table", "DESCRIBE TABLE millrace.predictions", /^id\tUInt32/],
    ["ask whether a table exists", "EXISTS predictions", /^1\n$/],
    ["read the catalog", "SELECT count() FROM system.columns WHERE table = 'predictions'", /^3\n$/],
    [
      "read the standard catalog",
      "SELECT count() FROM information_schema.columns WHERE table_name = 'predictions'",
      /^3\n$/,
    ],
    ["generate numbers", "SELECT sum(number) FROM numbers(4)", /^6\n$/],
  ];
  for (const [title, query, expected] of allowed) {
    test(title, async () => {
      const answer = await ask(server, query);
      assert.equal(answer.status, 200, answer.text);
      assert.match(answer.text, expected);
    });
  }

  test("bind parameters and format the output", async () => {
    const search = {
      param_ids: "[1,2]",
      param_name: "it\\'s",
      param_from: "2026-11-20 00:00:00",
      param_to: "2026-11-20 00:00:00.5",
      output_format_json_quote_64bit_integers: "1",
      max_threads: "1",
    };
    const answer = await ask(
      server,
      "SELECT {name:String} AS s, count() AS n FROM predictions WHERE has({ids:Array(UInt32)}, id) AND {from:DateTime('UTC')} < {to:DateTime64(3, 'UTC')} FORMAT JSONEachRow",
      { search },
    );
    assert.equal(answer.text, '{"s":"it\'s","n":"2"}\n');
  });
});

/** Functions, so that file and URL are known when they run. */
const attacks: readonly (readonly [
  title: string,
  query: () => string,
  search?: () => Record<string, string>,
])[] = [
  ["the table function file", () => `SELECT * FROM file('${secretFile}', 'LineAsString')`],
  ["the function file", () => `SELECT file('${secretFile}')`],
  ["file behind letters of another case", () => `SELECT * FROM FILE('${secretFile}')`],
  ["file in quotes", () => `SELECT \`file\`('${secretFile}'), "file"('${secretFile}')`],
  ["file behind a comment", () => `SELECT file/**/('${secretFile}')`],
  ["file behind a line comment", () => `SELECT 1 --\n, file('${secretFile}')`],
  ["file in a heredoc trick", () => `SELECT $a$ ' $a$, file('${secretFile}'), $b$ ' $b$`],
  ["file in a lambda", () => `SELECT arrayMap(x -> file(x), ['${secretFile}'])`],
  [
    "file in a subquery of a subquery",
    () => `SELECT (SELECT max(x) FROM (SELECT file('${secretFile}') AS x))`,
  ],
  ["file in WITH", () => `WITH file('${secretFile}') AS x SELECT x`],
  [
    "file in a window",
    () => `SELECT sum(1) OVER w FROM predictions WINDOW w AS (PARTITION BY file('${secretFile}'))`,
  ],
  [
    "file in INTERPOLATE",
    () =>
      `SELECT id, '' AS x FROM predictions ORDER BY id WITH FILL INTERPOLATE (x AS file('${secretFile}'))`,
  ],
  [
    "file in ORDER BY and LIMIT BY",
    () => `SELECT 1 FROM predictions ORDER BY file('${secretFile}') LIMIT 1 BY file('${secretFile}')`,
  ],
  ["file in ARRAY JOIN", () => `SELECT x FROM predictions ARRAY JOIN [file('${secretFile}')] AS x`],
  ["file by APPLY", () => `SELECT * APPLY(file) FROM (SELECT '${secretFile}' AS x)`],
  [
    "file by APPLY with a lambda",
    () => `SELECT COLUMNS('x') APPLY(x -> file(x)) FROM (SELECT '${secretFile}' AS x)`,
  ],
  ["file in REPLACE", () => `SELECT * REPLACE(file('${secretFile}') AS x) FROM (SELECT '' AS x)`],
  ["a file as a table of chdb's own database", () => `SELECT * FROM default.\`${secretFile}\``],
  ["a file as the right side of IN", () => `SELECT 'hidden' IN (default.\`${secretFile}\`)`],
  ["a file as the right side of IN, by function", () => `SELECT in('hidden', default.\`${secretFile}\`)`],
  ["a file as an aliased right side of IN", () => `WITH default.\`${secretFile}\` AS f SELECT 'hidden' IN f`],
  [
    "a file by a parameter",
    () => "SELECT * FROM {t:Identifier}",
    () => ({ param_t: `default.${secretFile}` }),
  ],
  [
    "a file in a parameter's type",
    () => `SELECT {x:DateTime(file('${secretFile}'))}`,
    () => ({ param_x: "2026-11-20 00:00:00" }),
  ],
  [
    "a file behind what looks like a parameter",
    () => `SELECT map('a', 1), 1 ? 2 :DateTime(file('${secretFile}'))`,
  ],
  [
    "a file by the database parameter",
    () => `SELECT * FROM \`${secretFile}\``,
    () => ({ database: "default" }),
  ],
  ["a forged syntax tree", () => `SELECT 1 AS \`x\n Literal\`, file('${secretFile}')`],
  ["url", () => `SELECT * FROM url('${webUrl}', 'LineAsString')`],
  ["DESCRIBE url", () => `DESCRIBE url('${webUrl}')`],
  ["DESCRIBE TABLE url", () => `DESCRIBE TABLE url('${webUrl}', 'CSV')`],
  ["DESCRIBE of a subquery", () => `DESCRIBE (SELECT * FROM url('${webUrl}'))`],
  ["EXPLAIN url", () => `EXPLAIN SELECT * FROM url('${webUrl}')`],
  [
    "EXPLAIN TABLE OVERRIDE",
    () => "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:1', 'd', 't', 'u', 'p') COLUMNS (a Int8)",
  ],
  ["EXPLAIN as a table", () => `SELECT * FROM (EXPLAIN SELECT * FROM url('${webUrl}'))`],
  ["viewExplain", () => `SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))`],
  ["s3", () => `SELECT * FROM s3('${webUrl}a/b.csv')`],
  ["gcs", () => `SELECT * FROM gcs('${webUrl}a/b.csv')`],
  ["remote", () => "SELECT * FROM remote('127.0.0.1:1', system.one)"],
  ["mysql", () => "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')"],
  ["executable", () => "SELECT * FROM executable('x.sh', 'TSV', 'a String')"],
  ["input", () => "SELECT * FROM input('a String')"],
  ["merge", () => "SELECT * FROM merge('other', '.*')"],
  ["clusterAllReplicas", () => "SELECT * FROM clusterAllReplicas('default', other.secrets)"],
  ["loop", () => "SELECT * FROM loop(other.secrets)"],
  ["eval", () => "SELECT * FROM eval('SELECT 1')"],
  ["url behind view", () => `SELECT * FROM view(SELECT * FROM url('${webUrl}'))`],
  ["INTO OUTFILE", () => `SELECT 1 INTO OUTFILE '${secretFile}.out'`],
  ["EXPLAIN INTO OUTFILE", () => `EXPLAIN AST SELECT 1 INTO OUTFILE '${secretFile}.out'`],
  ["INTO OUTFILE behind a comment", () => `SELECT 1 INTO/**/OUTFILE '${secretFile}.out' TRUNCATE`],
  ["SHOW INTO OUTFILE", () => `SHOW TABLES INTO OUTFILE '${secretFile}.out'`],
  ["tables of another database", () => "SELECT * FROM other.secrets"],
  ["another database by IN", () => "SELECT 'hidden' IN (other.secrets)"],
  ["another database by SHOW", () => "SHOW CREATE TABLE other.secrets"],
  ["another database by joinGet", () => "SELECT joinGet('other.secrets', 'word', 'hidden')"],
  ["dictionaries", () => "SELECT dictGet('other.d', 'a', 1)"],
  ["hasColumnInTable", () => "SELECT hasColumnInTable('other', 'secrets', 'word')"],
  ["users", () => "SELECT * FROM system.users"],
  ["other users' queries", () => "SELECT * FROM system.processes"],
  ["stack traces", () => "SELECT * FROM system.stack_trace"],
  ["sleep", () => "SELECT sleep(3)"],
  ["sleepEachRow", () => "SELECT sleepEachRow(1) FROM predictions"],
  ["the machine's name", () => "SELECT hostName(), FQDN()"],
  ["disk space", () => "SELECT filesystemAvailable()"],
  ["language models", () => "SELECT aiGenerate('hello')"],
  ["addresses", () => "SELECT addressToLine(1)"],
  ["SETTINGS", () => "SELECT 1 SETTINGS readonly = 0"],
  ["SETTINGS in a subquery", () => "SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 0)"],
  ["readonly in the URL", () => "SELECT 1", () => ({ readonly: "0" })],
  ["a raised limit in the URL", () => "SELECT 1", () => ({ max_execution_time: "0" })],
  ["other settings in the URL", () => "SELECT 1", () => ({ allow_ddl: "1" })],
  ["a setting with SQL for a name", () => "SELECT 1", () => ({ "a=1; DROP TABLE predictions": "1" })],
  ["a parameter with SQL for a name", () => "SELECT 1", () => ({ "param_a=1; SET readonly=0": "1" })],
  ["SET", () => "SET readonly = 0"],
  ["USE", () => "USE other"],
  ["two statements", () => "SELECT 1; DROP TABLE predictions"],
  ["two statements behind a comment", () => "SELECT 1 /* ; */ ; DROP TABLE predictions"],
  ["a second statement behind a quote", () => "SELECT 'a\\'' ; DROP TABLE predictions --'"],
  ["two statements in parallel", () => "SELECT 1 PARALLEL WITH SELECT 2"],
  ["INSERT", () => "INSERT INTO predictions VALUES (1, 1, 1)"],
  ["INSERT by the URL", () => "1,1,1", () => ({ query: "INSERT INTO predictions FORMAT CSV" })],
  ["INSERT behind WITH", () => "WITH 1 AS x INSERT INTO predictions SELECT 1, 1, 1"],
  ["INSERT INTO FUNCTION", () => `INSERT INTO FUNCTION file('${secretFile}.out') SELECT 1`],
  ["DROP", () => "DROP TABLE predictions"],
  ["CREATE", () => "CREATE TABLE x (a Int8) ENGINE = Memory"],
  ["CREATE TEMPORARY TABLE", () => "CREATE TEMPORARY TABLE x AS SELECT 1"],
  ["CREATE FUNCTION", () => "CREATE FUNCTION f AS x -> file(x)"],
  ["ALTER", () => "ALTER TABLE predictions DELETE WHERE 1"],
  ["KILL", () => "KILL QUERY WHERE 1"],
  ["SYSTEM", () => "SYSTEM SHUTDOWN"],
  ["BACKUP", () => `BACKUP TABLE predictions TO File('${secretFile}.zip')`],
  ["a format with a schema file", () => "SELECT 1 FORMAT Protobuf"],
  ["a format by parameter", () => "SELECT 1", () => ({ default_format: "Protobuf" })],
  ["an unclosed comment", () => "SELECT 1 /* DROP TABLE predictions"],
  ["nothing", () => "/* */"],
];

describe("analysts may not reach", () => {
  for (const [title, query, search] of attacks) {
    test(title, async () => {
      const answer = await ask(server, query(), search === undefined ? {} : { search: search() });
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.text}`);
      assert.match(answer.text, /^Code: (?:497|164|62|115|36|60|73)\. DB::Exception: /);
      assert.doesNotMatch(answer.text, /hidden\n/);
    });
  }

  test("a file, the network or the data, by any of these attacks", async () => {
    assert.equal(webRequests, 0);
    assert.equal(existsSync(`${secretFile}.out`), false);
    assert.equal((await ask(server, "SELECT count() FROM predictions")).text, "10\n");
  });

  test("the server by a page of another name", async () => {
    const status = await new Promise((resolve, reject) => {
      const call = request(
        `${server.url}/?query=SELECT+1`,
        { headers: { host: "evil.example" } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      call.on("error", reject).end();
    });
    assert.equal(status, 403);
  });
});

describe("limits of analysts", () => {
  const endless = "SELECT count() FROM numbers(999000000) WHERE sipHash64(number, number) = 1";

  test("time, rows, memory and size of the result are bounded", async () => {
    assert.match((await ask(server, endless, { search: { max_execution_time: "1" } })).text, /^Code: 159\./);
    assert.match((await ask(server, "SELECT * FROM numbers(100000000000)")).text, /^Code: (?:158|396)\./);
    assert.match((await ask(server, "SELECT number FROM numbers(2000000)")).text, /^Code: 396\./);
    assert.match(
      (await ask(server, "SELECT length(arrayMap(x -> toString(x), range(500000000)))")).text,
      /^Code: (?:241|69|128)\./,
    );
  });

  test("statements are bounded in size and depth", async () => {
    assert.equal((await ask(server, `SELECT '${"x".repeat(100_000)}'`)).status, 413);
    const deep = await ask(server, `SELECT ${"(".repeat(10_000)}1${")".repeat(10_000)}`);
    assert.ok(deep.status >= 400, deep.text.slice(0, 200));
  });

  test("queries over the number that may run and wait are refused with 202, and the rest are served", async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => ask(server, endless, { search: { max_execution_time: "1" } })),
    );
    const refused = answers.filter((answer) => answer.text.startsWith("Code: 202."));
    assert.equal(refused.length, 2);
    assert.ok(refused.every((answer) => answer.status === 503));
    await until(async () => (await ask(server, "SELECT 1")).text === "1\n");
  });
});
