/**
 * The gate for analysts' SQL: one statement that reads, and names only what sql-allowed lists.
 *
 * ClickHouse itself writes the text anew first (no comments, one way to quote), and only that text is looked at and
 * run. It is checked twice, by token and by syntax tree (EXPLAIN AST of it as a subquery, where INTO OUTFILE does
 * not parse), because the tree leaves out the functions named by APPLY and the tokens do not tell tables from
 * columns. Whatever is not understood is refused. The connection it then runs on is readonly as well.
 */
import type { ChdbConnection } from "./chdb-engine.ts";
import { quoted } from "./chdb-engine.ts";
import { ClickhouseError, toClickhouseError } from "./clickhouse-error.ts";
import {
  type AllowedFunctions,
  FORMATS,
  PARAMETER_TYPES,
  SYSTEM_TABLES,
  TABLE_FUNCTIONS,
} from "./sql-allowed.ts";
import { readShape } from "./sql-shape.ts";
import { isKeyword, nameOf, type Token, tokensOf } from "./sql-tokens.ts";
import { parseTree, type TreeNode, walkTree } from "./sql-tree.ts";

export interface GuardPolicy {
  /** Databases whose tables may be read; the current database is one of them. */
  readonly databases: readonly string[];
  readonly functions: AllowedFunctions;
}

export interface GuardedQuery {
  readonly sql: string;
  readonly format: string | undefined;
}

const NODES = new Set(
  `SelectWithUnionQuery SelectIntersectExceptQuery SelectQuery ExpressionList Literal Function Identifier
  TableIdentifier TablesInSelectQuery TablesInSelectQueryElement TableExpression TableJoin ArrayJoin Subquery
  WithElement OrderByElement Asterisk QualifiedAsterisk ColumnsRegexpMatcher ColumnsListMatcher
  QualifiedColumnsRegexpMatcher QualifiedColumnsListMatcher ColumnsTransformerList ColumnsExceptTransformer
  ColumnsReplaceTransformer ColumnsReplaceTransformer::Replacement WindowDefinition WindowListElement
  InterpolateElement QueryParameter SampleRatio`.split(/\s+/),
);
const EXPLAINS =
  /^EXPLAIN(?: (?:AST|SYNTAX|QUERY TREE|PLAN|PIPELINE|ESTIMATE))?(?: \w+ = \w+,?)* (?=SELECT |WITH |\()/;
const IN_FUNCTIONS = /^(?:global)?(?:not)?(?:null)?in$/i;
const LISTING_TOKENS = new Set(["FROM", "NOT", "LIKE", "ILIKE", "LIMIT"]);
const KINDS = "SELECT, EXPLAIN of a SELECT, SHOW TABLES, SHOW DATABASES, SHOW CREATE, DESCRIBE and EXISTS";

/** @throws ClickhouseError 497 saying what was refused and what is allowed, or the engine's syntax error. */
export async function guardQuery(
  connection: ChdbConnection,
  text: string,
  policy: GuardPolicy,
): Promise<GuardedQuery> {
  const { text: sql, format } = readShape(await normalized(connection, text));
  if (format !== undefined) checkFormat(format);
  const tokens = tokensOf(sql);
  checkTokens(tokens);
  const first = tokens[0]?.keyword;
  if (first === "SHOW" || first === "DESCRIBE" || first === "EXISTS") {
    checkListing(tokens, policy);
    return { sql, format };
  }
  const select = sql.replace(EXPLAINS, "");
  if (!/^(?:SELECT |WITH |\()/.test(select)) refuse("this kind of statement", KINDS);
  checkCalls(tokens, policy);
  const tree = await connection.query(`EXPLAIN AST SELECT * FROM (${select})`, "TSVRaw");
  checkTree(parseTree(Buffer.from(tree.bytes).toString()), policy);
  return { sql, format };
}

/** @throws ClickhouseError 497 for a format that analysts may not ask for. */
export function checkFormat(format: string): void {
  if (!FORMATS.has(format.toLowerCase()))
    refuse(`FORMAT ${format}`, "the text, JSON, CSV and binary formats");
}

/** The statement as ClickHouse writes it. Two statements, or none, are its syntax error. */
async function normalized(connection: ChdbConnection, text: string): Promise<string> {
  try {
    const { bytes } = await connection.query(`SELECT formatQuerySingleLine(${quoted(text)})`, "RawBLOB");
    return Buffer.from(bytes).toString();
  } catch (error) {
    const failure = toClickhouseError(error);
    const own = failure.message.replace(/:? In scope SELECT formatQuerySingleLine\([\s\S]*$/, "");
    throw new ClickhouseError(failure.code, own, failure.type);
  }
}

function checkTokens(tokens: readonly Token[]): void {
  tokens.forEach((token, index) => {
    if (token.kind === "broken") refuse("an unclosed quote or comment", "complete statements");
    if (isKeyword(token, "OUTFILE") || isKeyword(token, "INFILE"))
      refuse(token.text, "results in the answer");
    if (isKeyword(token, "APPLY")) refuse("APPLY", "functions called by name");
    // A line break in a name could forge lines of the syntax tree.
    if (token.kind === "quoted" && /[\\\p{Cc}]/u.test(token.text))
      refuse(`the name ${token.text}`, "plain names");
    const isParameter = token.text === ":" && tokens[index - 2]?.text === "{";
    if (isParameter && isKeyword(tokens[index + 1], "IDENTIFIER")) {
      refuse("a parameter of type Identifier", "parameters for values");
    }
  });
}

/** ClickHouse writes a call as a name with the parenthesis right behind it, and keywords with a space between. */
function checkCalls(tokens: readonly Token[], policy: GuardPolicy): void {
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    const name = nameOf(token);
    if (name === undefined || next?.text !== "(" || next.start !== token.end) return;
    if (token.keyword === "COLUMNS" || token.keyword === "EXISTS") return;
    if (isParameterType(tokens, index, name)) return;
    if (!policy.functions.has(name) && !isTableFunction(name, policy)) refuseFunction(name);
  });
}

/** `{from:DateTime('UTC')}`: looks like a call and is none. What stands in its parentheses is checked like all else. */
function isParameterType(tokens: readonly Token[], index: number, name: string): boolean {
  const isTyped = tokens[index - 1]?.text === ":" && tokens[index - 3]?.text === "{";
  return isTyped && PARAMETER_TYPES.has(name.toLowerCase());
}

function checkTree(root: TreeNode, policy: GuardPolicy): void {
  walkTree(root, (node, parent) => {
    if (node.type === "Set") refuse("SETTINGS", "settings as URL parameters that format the output");
    if (!NODES.has(node.type)) refuse(`the clause ${node.type}`, KINDS);
    if (node.type === "TableIdentifier") checkTable(node.name, policy);
    if (node.type === "Identifier") checkColumn(node.name);
    if (node.type !== "Function") return;
    if (parent?.type === "TableExpression") {
      if (!isTableFunction(node.name, policy))
        refuse(`the table function ${node.name}`, listed(TABLE_FUNCTIONS));
      return;
    }
    if (!policy.functions.has(node.name)) refuseFunction(node.name);
    if (!IN_FUNCTIONS.test(node.name)) return;
    const right = node.children[0]?.children[1]; // `x IN name` reads the table of that name
    if (right?.type === "Identifier") checkTable(right.name, policy);
  });
}

/** SHOW, DESCRIBE, EXISTS: no tree needed, every token is accounted for. */
function checkListing(tokens: readonly Token[], policy: GuardPolicy): void {
  const [first, second] = tokens;
  if (isKeyword(first, "SHOW") && (isKeyword(second, "TABLES") || isKeyword(second, "DATABASES"))) {
    let previous: Token | undefined = second;
    for (const token of tokens.slice(2)) {
      if (isKeyword(previous, "FROM")) checkDatabase(nameOf(token) ?? "", policy);
      else if (!LISTING_TOKENS.has(token.keyword) && token.kind !== "string" && token.kind !== "number")
        refuse(`"${token.text}" in ${second?.text}`, "FROM database, LIKE 'pattern', LIMIT n");
      previous = token;
    }
    return;
  }
  const head = isKeyword(first, "SHOW") && isKeyword(second, "CREATE") ? 2 : 1;
  if (isKeyword(first, "SHOW") && head === 1) refuse(`SHOW ${second?.text ?? ""}`, KINDS);
  const named = tokens[head]?.keyword;
  const name = tokens.slice(named === "TABLE" || named === "VIEW" ? head + 1 : head);
  const [left, dot, right] = name;
  const isOne = name.length === 1 && nameOf(left) !== undefined;
  const isTwo = name.length === 3 && dot?.text === "." && nameOf(right) !== undefined;
  if (!isOne && !isTwo) refuse("this form of the statement", "the name of a table");
  if (isTwo) checkTable(`${nameOf(left)}.${nameOf(right)}`, policy);
}

function checkTable(name: string, policy: GuardPolicy): void {
  const dot = name.indexOf(".");
  if (dot < 0) return; // of the current database, which is one of ours
  const database = name.slice(0, dot);
  if (database === "system") {
    if (SYSTEM_TABLES.has(name.slice(dot + 1).toLowerCase())) return;
    refuse(`the table ${name}`, `of system: ${listed(SYSTEM_TABLES)}`);
  }
  checkDatabase(database, policy);
}

function checkDatabase(name: string, policy: GuardPolicy): void {
  const isAllowed =
    policy.databases.includes(name) || name === "system" || name.toLowerCase() === "information_schema";
  if (!isAllowed) refuse(`the database ${name}`, `${policy.databases.join(", ")}, information_schema`);
}

/** A view that takes parameters may be named with its database. */
function isTableFunction(name: string, { databases }: GuardPolicy): boolean {
  const dot = name.indexOf(".");
  const isOurs = dot >= 0 && databases.includes(name.slice(0, dot));
  return TABLE_FUNCTIONS.has((isOurs ? name.slice(dot + 1) : name).toLowerCase());
}

/** chdb's own `default` database reads files by name: no identifier may reach into it, whatever its place. */
function checkColumn(name: string): void {
  const [database, table, ...rest] = name.split(".");
  const isSystem = database === "system" && table !== undefined && !SYSTEM_TABLES.has(table.toLowerCase());
  if ((database === "default" && table !== undefined) || isSystem) {
    refuse(`the identifier ${[database, table, ...rest].join(".")}`, "columns of the tables of this query");
  }
}

function refuseFunction(name: string): never {
  refuse(`the function ${name}`, "computations without files, network, other tables or waiting");
}

function refuse(what: string, allowed: string): never {
  throw new ClickhouseError(
    497,
    `Not enough privileges: user default is a read-only analyst and may not use ${what}. Allowed: ${allowed}`,
  );
}

function listed(names: ReadonlySet<string>): string {
  return [...names].join(", ");
}
