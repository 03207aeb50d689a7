/**
 * Errors in ClickHouse's own form: code, message, name, and the HTTP status that the real server maps them to.
 *
 * Every failure of the embedded ClickHouse leaves through here, so that clients parse one form only:
 * `Code: 62. DB::Exception: <message>. (SYNTAX_ERROR) (version 26.7.2.1)`.
 */

/** Codes that this code raises itself; all others come from the engine with their name. */
const NAMES: Readonly<Record<number, string>> = {
  48: "NOT_IMPLEMENTED",
  62: "SYNTAX_ERROR",
  73: "UNKNOWN_FORMAT",
  81: "UNKNOWN_DATABASE",
  101: "UNEXPECTED_PACKET_FROM_CLIENT",
  115: "UNKNOWN_SETTING",
  117: "INCORRECT_DATA",
  159: "TIMEOUT_EXCEEDED",
  164: "READONLY",
  202: "TOO_MANY_SIMULTANEOUS_QUERIES",
  236: "ABORTED",
  394: "QUERY_WAS_CANCELLED",
  396: "TOO_MANY_ROWS_OR_BYTES",
  497: "ACCESS_DENIED",
  516: "AUTHENTICATION_FAILED",
  628: "REQUEST_ENTITY_TOO_LARGE",
  1001: "STD_EXCEPTION",
};

/** As in ClickHouse's exceptionCodeToHTTPStatus; what is not here is 500. */
const STATUSES: readonly (readonly [status: number, codes: readonly number[]])[] = [
  [400, [6, 25, 26, 27, 36, 38, 41, 43, 53, 62, 69, 72, 117, 167, 168, 180, 184, 321, 456, 457]],
  [403, [164, 192, 193, 497, 516]],
  [404, [16, 46, 47, 50, 56, 60, 63, 73, 81, 115]],
  [408, [159]],
  [411, [381]],
  [413, [628]],
  [501, [48, 344]],
  [503, [202, 236, 439]],
];

/**
 * What the engine says of RowBinary that it cannot read: ATTEMPT_TO_READ_AFTER_EOF, CANNOT_READ_ALL_DATA,
 * INCORRECT_DATA, TOO_LARGE_ARRAY_SIZE, TOO_LARGE_STRING_SIZE.
 */
const UNREADABLE_ROWS: readonly number[] = [32, 33, 117, 128, 131];

const NATIVE = /^(?:[\s\S]*?)Code: (\d+)\. DB::Exception: ([\s\S]*)$/;
const TAIL_CHARS = 200;
const TAIL = /\.?\s*\(([A-Z][A-Z0-9_]+)\)(?:\s*\(version [^)]*\))?\.?\s*$/;

export class ClickhouseError extends Error {
  override readonly name = "ClickhouseError";
  readonly code: number;
  /** Symbolic name of the code, such as SYNTAX_ERROR. */
  readonly type: string;

  constructor(code: number, message: string, type: string = NAMES[code] ?? "UNKNOWN_EXCEPTION") {
    super(message);
    this.code = code;
    this.type = type;
  }

  get status(): number {
    return STATUSES.find(([, codes]) => codes.includes(this.code))?.[0] ?? 500;
  }

  /** The text a client reads. */
  toText(version: string): string {
    const message = this.message.replace(/\.\s*$/, "");
    return `Code: ${this.code}. DB::Exception: ${message}. (${this.type}) (version ${version})\n`;
  }
}

/** Whether an insert failed for its rows, so that the same bytes fail for ever. */
export function isUnreadableRows(code: number): boolean {
  return UNREADABLE_ROWS.includes(code);
}

/** Reads an error of the native engine, which wraps some messages twice, or wraps anything else as 1001. */
export function toClickhouseError(error: unknown): ClickhouseError {
  if (error instanceof ClickhouseError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const match = NATIVE.exec(text);
  if (match === null) return new ClickhouseError(1001, text);
  const code = Number(match[1]);
  let message = match[2] ?? "";
  let type: string | undefined;
  for (let tail = tailOf(message); tail !== undefined; tail = tailOf(message)) {
    type ??= tail.type;
    message = message.slice(0, tail.index);
    if (!message.startsWith(`Code: ${code}. DB::Exception: `)) break;
    message = message.slice(`Code: ${code}. DB::Exception: `.length);
  }
  return new ClickhouseError(code, message, type);
}

/** The closing `. (TYPE) (version ...)`. Looks at the end only: messages quote queries, and may be long. */
function tailOf(message: string): { type: string | undefined; index: number } | undefined {
  const from = Math.max(0, message.length - TAIL_CHARS);
  const match = TAIL.exec(message.slice(from));
  return match === null ? undefined : { type: match[1], index: from + match.index };
}
