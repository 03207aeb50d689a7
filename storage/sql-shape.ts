/**
 * What kind of statement a query is, as far as the HTTP interface must know before it runs it: an INSERT that
 * brings its data along (and where those data start), a plain SELECT that may be streamed, or anything else.
 *
 * Works on the first part of the text only; the data of an INSERT are never looked at. Where it cannot tell, it
 * says "other": the engine then reads the text itself and answers with its own error.
 */
import { ClickhouseError } from "./clickhouse-error.ts";
import { isKeyword, type Token, tokensOf } from "./sql-tokens.ts";

export interface InsertShape {
  readonly kind: "insert";
  /** `INSERT INTO t (columns)`, up to where FROM INFILE belongs. */
  readonly target: string;
  /** `SETTINGS ...` of the query, or "". */
  readonly settings: string;
  /** Format of the data; undefined if the query names none. */
  readonly format: string | undefined;
  /** Offset of the first byte of data in the text. */
  readonly dataStart: number;
}

export interface ReadShape {
  readonly kind: "select" | "other";
  /** The statement without its FORMAT clause and closing semicolon. */
  readonly text: string;
  readonly format: string | undefined;
  /** One SELECT without subqueries: safe to start on the event loop, and to stream. */
  readonly isPlain: boolean;
  /** Runs without changing anything, so it can be cancelled at any time. */
  readonly isRead: boolean;
}

const READS = new Set(["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "("]);
/** Tokens that the head of an INSERT may have; a longer column list is not one. */
const INSERT_TOKENS_MAX = 50_000;

/** The INSERT that `text` starts with, or undefined if it is none or takes its rows from a SELECT. */
export function insertShape(text: string): InsertShape | undefined {
  if (!isKeyword(tokensOf(text, 1)[0], "INSERT")) return undefined;
  return insertTail(text, headTokens(text));
}

/** Tokens up to FORMAT, VALUES or SELECT: lexing must stop before the data. */
function headTokens(text: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  let depth = 0;
  while (tokens.length < INSERT_TOKENS_MAX) {
    const next = tokensOf(text.slice(offset, offset + 4096), 1)[0] ?? tokensOf(text.slice(offset), 1)[0];
    if (next === undefined) return tokens;
    tokens.push({ ...next, start: next.start + offset, end: next.end + offset });
    if (next.text === "(") depth += 1;
    if (next.text === ")") depth -= 1;
    offset += next.end;
    const isEnd = depth === 0 && tokens.length > 3 && /^(?:FORMAT|VALUES|SELECT|WITH)$/.test(next.keyword);
    if (!isEnd) continue;
    if (next.keyword !== "FORMAT") return tokens;
    const name = tokensOf(text.slice(offset, offset + 4096), 1)[0];
    if (name !== undefined) tokens.push({ ...name, start: name.start + offset, end: name.end + offset });
    return tokens;
  }
  return tokens;
}

function insertTail(text: string, tokens: readonly Token[]): InsertShape | undefined {
  const stop = tokens.at(-1);
  const before = tokens.at(-2);
  if (stop === undefined) return undefined;
  const settingsAt = tokens.findIndex((token, index) => index > 2 && isKeyword(token, "SETTINGS"));
  const settingsToken = settingsAt > 0 ? tokens[settingsAt] : undefined;
  const clause = (end: number) => ({
    kind: "insert" as const,
    target: text.slice(0, settingsToken?.start ?? end).replace(/;\s*$/, ""),
    settings: settingsToken === undefined ? "" : text.slice(settingsToken.start, end),
  });
  if (isKeyword(before, "FORMAT") && before !== undefined && stop.kind === "word") {
    return { ...clause(before.start), format: stop.text, dataStart: dataStart(text, stop.end) };
  }
  if (isKeyword(stop, "VALUES")) return { ...clause(stop.start), format: "Values", dataStart: stop.end };
  if (isKeyword(stop, "SELECT") || isKeyword(stop, "WITH") || isKeyword(stop, "WATCH")) return undefined;
  return { ...clause(text.length), format: undefined, dataStart: text.length };
}

/** After the format name come an optional semicolon, spaces, and at most one line end: then the data. */
function dataStart(text: string, from: number): number {
  const gap = /^[ \t\f]*;?[ \t\f]*(?:\r?\n)?/.exec(text.slice(from, from + 1024));
  return from + (gap?.[0].length ?? 0);
}

/**
 * The shape of a statement that is no INSERT with data.
 * @throws ClickhouseError 62 if more than one statement is in `text`.
 */
export function readShape(text: string): ReadShape {
  const tokens = tokensOf(text);
  while (tokens.at(-1)?.text === ";") tokens.pop();
  const second = tokens.findIndex((token) => token.text === ";");
  if (second >= 0) {
    const position = tokens[second]?.start ?? 0;
    throw new ClickhouseError(
      62,
      `Syntax error (Multi-statements are not allowed): failed at position ${position + 1} (end of query)`,
    );
  }
  const end = tokens.at(-1)?.end ?? 0;
  const first = tokens[0]?.keyword || (tokens[0]?.text ?? "");
  const selects = tokens.filter((token) => token.keyword === "SELECT").length;
  const inserts = tokens.some((token) => token.keyword === "INSERT");
  const isRead = READS.has(first) && !inserts;
  const format = formatClause(tokens);
  return {
    kind: isRead && (first === "SELECT" || first === "WITH" || first === "(") ? "select" : "other",
    text:
      format === undefined ? text.slice(0, end) : text.slice(0, format.start) + text.slice(format.end, end),
    format: format?.name,
    isPlain: first === "SELECT" && selects === 1 && isRead && !tokens.some(isOutfile),
    isRead,
  };
}

function isOutfile(token: Token): boolean {
  return token.keyword === "OUTFILE";
}

/** The closing `FORMAT Name`, also before a closing SETTINGS. */
function formatClause(tokens: readonly Token[]): { name: string; start: number; end: number } | undefined {
  let depth = 0;
  for (let index = tokens.length - 1; index > 0; index -= 1) {
    const name = tokens[index];
    const word = tokens[index - 1];
    if (name?.text === ")") depth += 1;
    if (name?.text === "(") depth -= 1;
    if (depth > 0 || name?.kind !== "word" || word?.keyword !== "FORMAT") continue;
    const after = tokens[index + 1];
    if (after !== undefined && after.keyword !== "SETTINGS") continue;
    return { name: name.text, start: word.start, end: name.end };
  }
  return undefined;
}
