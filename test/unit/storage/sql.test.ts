/**
 * The pure parts of the embedded ClickHouse's SQL handling: tokens, statement shapes, syntax trees.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { insertShape, readShape } from "../../../storage/sql-shape.ts";
import { tokensOf } from "../../../storage/sql-tokens.ts";
import { parseTree, walkTree } from "../../../storage/sql-tree.ts";

const texts = (sql: string) => tokensOf(sql).map((token) => `${token.kind}:${token.text}`);

describe("tokens", () => {
  test("comments and spaces give none", () => {
    assert.deepEqual(texts("a -- b\n/* c ' */ # d\n1"), ["word:a", "number:1"]);
  });

  test("quotes end where ClickHouse ends them", () => {
    assert.deepEqual(texts(`'a\\'b''c' "d""e" \`f\\\`g\``), [
      "string:'a\\'b''c'",
      'quoted:"d""e"',
      "quoted:`f\\`g`",
    ]);
  });

  test("a heredoc is one string, whatever quotes are in it", () => {
    assert.deepEqual(texts("$x$ ' $y$ $x$ 1"), ["string:$x$ ' $y$ $x$", "number:1"]);
  });

  test("what is not closed is broken, to the end", () => {
    for (const sql of ["'a", '"a', "/* a", "$x$ a"]) assert.equal(tokensOf(sql).at(-1)?.kind, "broken", sql);
  });
});

describe("the shape of an INSERT", () => {
  const cases: readonly (readonly [sql: string, target: string, format: string | undefined, data: string])[] =
    [
      ["INSERT INTO t FORMAT CSV\n1,2", "INSERT INTO t ", "CSV", "1,2"],
      ["insert into t (a, `format`) format CSV\r\n1", "insert into t (a, `format`) ", "CSV", "1"],
      ["INSERT INTO t FORMAT TSV; \n\n1", "INSERT INTO t ", "TSV", "\n1"],
      ["-- note\nINSERT INTO t VALUES (1, ';')", "-- note\nINSERT INTO t ", "Values", " (1, ';')"],
      ["INSERT INTO t SETTINGS a = 1 FORMAT JSONEachRow {}", "INSERT INTO t ", "JSONEachRow", "{}"],
      ["INSERT INTO format FORMAT CSV\n1", "INSERT INTO format ", "CSV", "1"],
      ["INSERT INTO t FORMAT RowBinary\n\0'\"", "INSERT INTO t ", "RowBinary", "\0'\""],
      ["INSERT INTO db.t (a)", "INSERT INTO db.t (a)", undefined, ""],
    ];
  for (const [sql, target, format, data] of cases) {
    test(JSON.stringify(sql), () => {
      const shape = insertShape(sql);
      assert.equal(shape?.target, target);
      assert.equal(shape?.format, format);
      assert.equal(sql.slice(shape?.dataStart), data);
    });
  }

  test("an INSERT from a SELECT brings no data, and a SELECT is no INSERT", () => {
    assert.equal(insertShape("INSERT INTO t SELECT 1"), undefined);
    assert.equal(insertShape("INSERT INTO t (a) WITH 1 AS x SELECT x"), undefined);
    assert.equal(insertShape("SELECT 'INSERT INTO t VALUES'"), undefined);
  });
});

describe("the shape of other statements", () => {
  test("the closing format is taken out", () => {
    const shape = readShape("SELECT 1 AS format FORMAT JSON SETTINGS max_threads = 1 ;");
    assert.equal(shape.format, "JSON");
    assert.match(shape.text, /^SELECT 1 AS format\s+SETTINGS max_threads = 1$/);
    assert.equal(readShape("SELECT format FROM t").format, undefined);
  });

  test("only a SELECT without subqueries is plain", () => {
    assert.equal(readShape("SELECT 1").isPlain, true);
    assert.equal(readShape("SELECT (SELECT 1)").isPlain, false);
    assert.equal(readShape("SELECT 1 INTO OUTFILE 'x'").isPlain, false);
    assert.equal(readShape("WITH 1 AS a SELECT a").isPlain, false);
  });

  test("writes are no reads", () => {
    assert.equal(readShape("WITH 1 AS x INSERT INTO t SELECT x").isRead, false);
    assert.equal(readShape("DROP TABLE t").isRead, false);
    assert.equal(readShape("SHOW TABLES").isRead, true);
  });

  test("a second statement is a syntax error", () => {
    assert.throws(() => readShape("SELECT 1; SELECT 2"), /Multi-statements are not allowed/);
    assert.equal(readShape("SELECT ';' ;;").text, "SELECT ';'");
  });
});

describe("the syntax tree", () => {
  test("types, names and levels are read", () => {
    const root = parseTree(
      "SelectQuery (children 1)\n Function plus (alias x) (children 2)\n  Literal 1\n  Identifier a.b\n",
    );
    const seen: string[] = [];
    walkTree(root, (node, parent) => seen.push(`${parent?.type ?? "-"}>${node.type}:${node.name}`));
    assert.deepEqual(seen.sort(), [
      "->SelectQuery:",
      "Function>Identifier:a.b",
      "Function>Literal:1",
      "SelectQuery>Function:plus",
    ]);
  });

  test("what is no tree is refused", () => {
    for (const text of ["", " Literal 1", "A\nB", "A\n   B"])
      assert.throws(() => parseTree(text), /Not enough privileges/);
  });
});
