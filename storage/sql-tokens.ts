/**
 * A lexer for ClickHouse SQL: as much as it takes to see where a query's parts begin and end.
 *
 * Used on text as it came (where do the data of an INSERT start? is there a second statement?) and on text that
 * ClickHouse itself has formatted (the analyst guard). Comments and spaces give no token. Invariant: tokens are
 * in order, do not overlap, and carry their offsets; an unclosed quote or comment is one token of kind "broken".
 */

export type TokenKind = "word" | "quoted" | "string" | "number" | "mark" | "broken";

export interface Token {
  readonly kind: TokenKind;
  /** As written, quotes included. */
  readonly text: string;
  /** `text` in upper case for words, "" otherwise: keywords compare against this. */
  readonly keyword: string;
  readonly start: number;
  readonly end: number;
}

const SPACE = /[\s\u00a0\ufeff]+/y;
const LINE_COMMENT = /--[^\n]*|#[ !][^\n]*/y;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const NUMBER = /\d[\w.]*/y;
const HEREDOC = /\$\w*\$/y;

/** Tokens of `sql`, at most `tokensMax` of them: text behind that is data or hostile. */
export function tokensOf(sql: string, tokensMax = 1_000_000): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (tokens.length < tokensMax) {
    at = skipIgnored(sql, at);
    if (at >= sql.length) break;
    const token = nextToken(sql, at);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

/** True if `token` is the given bare keyword. */
export function isKeyword(token: Token | undefined, keyword: string): boolean {
  return token?.keyword === keyword;
}

/** The name a word or quoted identifier stands for, or undefined for any other token. */
export function nameOf(token: Token | undefined): string | undefined {
  if (token?.kind === "word") return token.text;
  if (token?.kind !== "quoted") return undefined;
  return token.text.slice(1, -1).replace(/\\(.)|``|""/gs, (pair, escaped: string) => escaped ?? pair[0]);
}

function skipIgnored(sql: string, from: number): number {
  let at = from;
  for (;;) {
    const after = matchEnd(SPACE, sql, at) ?? matchEnd(LINE_COMMENT, sql, at) ?? blockCommentEnd(sql, at);
    if (after === undefined) return at;
    at = after;
  }
}

function blockCommentEnd(sql: string, at: number): number | undefined {
  if (!sql.startsWith("/*", at)) return undefined;
  const end = sql.indexOf("*/", at + 2);
  return end < 0 ? undefined : end + 2;
}

function nextToken(sql: string, at: number): Token {
  const char = sql[at] ?? "";
  if (char === "'") return quotedToken(sql, at, "string");
  if (char === "`" || char === '"') return quotedToken(sql, at, "quoted");
  if (sql.startsWith("/*", at)) return token("broken", sql, at, sql.length);
  const word = matchEnd(WORD, sql, at);
  if (word !== undefined) return token("word", sql, at, word);
  const number = matchEnd(NUMBER, sql, at);
  if (number !== undefined) return token("number", sql, at, number);
  const heredoc = matchEnd(HEREDOC, sql, at);
  if (heredoc !== undefined) return heredocToken(sql, at, heredoc);
  return token("mark", sql, at, at + 1);
}

/** A quoted run: a backslash escapes the next character, a doubled quote stands for itself. */
function quotedToken(sql: string, start: number, kind: "string" | "quoted"): Token {
  const quote = sql[start];
  let at = start + 1;
  while (at < sql.length) {
    if (sql[at] === "\\") at += 2;
    else if (sql[at] !== quote) at += 1;
    else if (sql[at + 1] === quote) at += 2;
    else return token(kind, sql, start, at + 1);
  }
  return token("broken", sql, start, sql.length);
}

function heredocToken(sql: string, start: number, bodyStart: number): Token {
  const end = sql.indexOf(sql.slice(start, bodyStart), bodyStart);
  if (end < 0) return token("broken", sql, start, sql.length);
  return token("string", sql, start, end + bodyStart - start);
}

function token(kind: TokenKind, sql: string, start: number, end: number): Token {
  const text = sql.slice(start, end);
  return { kind, text, keyword: kind === "word" ? text.toUpperCase() : "", start, end };
}

function matchEnd(pattern: RegExp, sql: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : undefined;
}
