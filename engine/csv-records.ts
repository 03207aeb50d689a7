/**
 * Records of a CSV file (RFC 4180), read as it streams, each with the number of its first line.
 *
 * Strict: a quote inside an unquoted field, text behind a closing quote, a quote that is never closed and bytes that are no UTF-8
 * are problems of their record, and reading goes on behind it. Line breaks are LF or CRLF; a byte order mark and
 * empty lines are skipped. Bound: one record of RECORD_LENGTH_MAX characters.
 */

const RECORD_LENGTH_MAX = 1024 * 1024;
const REPLACEMENT = "\ufffd";

export type CsvRecord =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly problem: string };

export async function* csvRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRecord> {
  const parser = new CsvParser();
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield* parser.read(decoder.decode(chunk, { stream: true }));
  yield* parser.read(decoder.decode());
  const last = parser.end();
  if (last !== undefined) yield last;
}

/**
 *     start ─ quote → quoted ─ quote → closed ─ quote → quoted
 *       │                                │
 *       └─ else → plain ─ comma, line break ─┴─ comma, line break → start
 *     problem: until the line ends
 */
type State = "start" | "plain" | "quoted" | "closed" | "problem";

class CsvParser {
  #state: State = "start";
  #fields: string[] = [];
  #field = "";
  #length = 0;
  #line = 1;
  #firstLine = 1;
  #problem = "";

  *read(text: string): Generator<CsvRecord> {
    for (const character of text) {
      if (character === "\n") {
        this.#line++;
        if (this.#state !== "quoted") {
          const record = this.#finish();
          if (record !== undefined) yield record;
          continue;
        }
      }
      this.#take(character);
    }
  }

  /** What the file ends with when its last line has no end. */
  end(): CsvRecord | undefined {
    if (this.#state === "quoted") this.#fail("a quoted field is never closed");
    return this.#finish();
  }

  #take(character: string): void {
    if (this.#state === "problem") return;
    if (++this.#length > RECORD_LENGTH_MAX)
      return this.#fail(`is longer than ${RECORD_LENGTH_MAX} characters: is a quote not closed?`);
    if (character === REPLACEMENT) return this.#fail("is no UTF-8");
    if (this.#state === "quoted") {
      if (character === '"') this.#state = "closed";
      else this.#field += character;
    } else if (character === '"') this.#quote();
    else if (character === ",") this.#endField();
    else if (this.#state === "closed" && character !== "\r") this.#fail("has text behind a closing quote");
    else if (this.#state !== "closed") {
      this.#state = "plain";
      this.#field += character;
    }
  }

  #quote(): void {
    if (this.#state === "plain") return this.#fail("has a quote inside a field that is not quoted");
    if (this.#state === "closed") this.#field += '"'; // a doubled one
    this.#state = "quoted";
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = "";
    this.#state = "start";
  }

  #fail(problem: string): void {
    this.#state = "problem";
    this.#problem = problem;
  }

  /** Ends the record; undefined for an empty line. */
  #finish(): CsvRecord | undefined {
    const line = this.#firstLine;
    const problem = this.#problem;
    if (this.#state === "plain" && this.#field.endsWith("\r")) this.#field = this.#field.slice(0, -1);
    const isEmpty = this.#fields.length === 0 && this.#field === "" && this.#state !== "closed";
    this.#endField();
    const fields = this.#fields;
    this.#fields = [];
    this.#length = 0;
    this.#problem = "";
    this.#firstLine = this.#line;
    if (problem !== "") return { line, problem };
    return isEmpty ? undefined : { line, fields };
  }
}
