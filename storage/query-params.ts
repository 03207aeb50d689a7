/**
 * Values bound to a query: every name and value that comes from outside goes through here, none into the text.
 *
 * Doubles travel as their bits, so that no parser rounds them. Equal texts are sent once.
 */

export class QueryParams {
  readonly #values: Record<string, unknown> = {};
  readonly #texts = new Map<string, string>();
  #count = 0;

  /** By name, as the client takes them. */
  get values(): Readonly<Record<string, unknown>> {
    return this.#values;
  }

  /** SQL of a value of the type, such as `{p0:String}`. */
  bind(value: unknown, type: string): string {
    const name = `p${this.#count++}`;
    this.#values[name] = value;
    return `{${name}:${type}}`;
  }

  text(value: string): string {
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    const sql = this.bind(value, "String");
    this.#texts.set(value, sql);
    return sql;
  }

  texts(values: readonly string[]): string {
    return this.bind(values, "Array(String)");
  }

  double(value: number): string {
    return `reinterpretAsFloat64(${this.bind(bitsOf(value), "UInt64")})`;
  }

  doubles(values: readonly number[]): string {
    return `arrayMap(bits -> reinterpretAsFloat64(bits), ${this.bind(values.map(bitsOf), "Array(UInt64)")})`;
  }
}

function bitsOf(value: number): bigint {
  return new BigUint64Array(Float64Array.of(value).buffer)[0] as bigint;
}
