/**
 * Rows for the benchmark of trainers: census data and a market where their files are (TEST_DATA_DIR, or ../shared/data beside the
 * project), and a million made-up rows. Each goes into a folder as the trainers of other languages can read it.
 *
 *     training.f32, test.f32   float32, column after column
 *     training.f64, test.f64   targets, float64
 *     columns.json             name and, of a category, its number of codes, per column
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "../engine/core/seeded-random.ts";
import { rowsOf, type TrainingColumn, type TrainingSet } from "../engine/core/training-set.ts";
import { marketIsMissing, readMarket } from "../test/support/elec-market.ts";
import { PROJECT } from "../test/support/model-folder.ts";

const FOLDER = process.env["TEST_DATA_DIR"] ?? join(PROJECT, "../shared/data");
const ADULT_NUMBERS = new Set([0, 2, 4, 10, 11, 12]);
const ADULT_COLUMNS = 14;

export interface TrainingData {
  readonly training: TrainingSet;
  readonly test: TrainingSet;
}

/** Undefined, after a line that says so, where the files are not. @param hasCategories else their codes are numbers */
export function adultData(hasCategories: boolean): TrainingData | undefined {
  const [training, test] = ["adult-train.csv", "adult-test.csv"].map((name) => join(FOLDER, name));
  if (training === undefined || test === undefined || !existsSync(training) || !existsSync(test)) {
    console.log(
      `adult is left out: there is no adult-train.csv and adult-test.csv (TEST_DATA_DIR names their folder)`,
    );
    return undefined;
  }
  const codes = Array.from({ length: ADULT_COLUMNS }, () => new Map<string, number>());
  const rows = [readAdult(training), readAdult(test)] as const;
  for (const cells of rows[0])
    codes.forEach((known, column) => {
      const cell = cells[column] as string;
      if (cell !== "?" && !known.has(cell)) known.set(cell, known.size);
    });
  const [first, second] = rows.map((some) => adultSet(some, codes, hasCategories));
  return { training: first as TrainingSet, test: second as TrainingSet };
}

function readAdult(file: string): string[][] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines
    .map((line) => line.split(",").map((cell) => cell.trim()))
    .filter((cells) => cells.length > ADULT_COLUMNS);
}

function adultSet(
  rows: readonly string[][],
  codes: readonly ReadonlyMap<string, number>[],
  hasCategories: boolean,
): TrainingSet {
  const columns = codes.map((known, column): TrainingColumn => {
    const isNumber = ADULT_NUMBERS.has(column);
    const numberOf = (cell: string): number => (isNumber ? Number(cell) : (known.get(cell) ?? Number.NaN));
    return {
      name: `c${column}`,
      values: Float32Array.from(rows, (cells) => numberOf(cells[column] as string)),
      ...(isNumber || !hasCategories ? {} : { categories: known.size }),
    };
  });
  const targets = Float64Array.from(rows, (cells) => (cells[ADULT_COLUMNS]?.startsWith(">50K") ? 1 : 0));
  return { rows: rows.length, columns, targets };
}

/** Every third half-hour is for the test. Undefined, after a line that says so, where the file is not. */
export function elecData(): TrainingData | undefined {
  if (marketIsMissing !== false) {
    console.log(`elec is left out: ${marketIsMissing}`);
    return undefined;
  }
  const market = readMarket();
  const names = Object.keys(market[0]?.features ?? {});
  const set: TrainingSet = {
    rows: market.length,
    columns: names.map((name) => ({
      name,
      values: Float32Array.from(market, ({ features }) => features[name] as number),
    })),
    targets: Float64Array.from(market, ({ label }) => label),
  };
  return halves(set, (row) => row % 3 === 2);
}

/**
 * Columns that matter alone and together, and noise; two classes. No pure products: which of two columns without any effect of their own is split
 * first is chance, and moves LightGBM's AUC by 0.01 from seed to seed.
 */
export function madeUpData(rows: number, columns: number): TrainingData {
  const random = new SeededRandom(1);
  const values = Array.from({ length: columns }, () => new Float32Array(rows).map(() => random.normal()));
  const at = (column: number, row: number): number => values[column]?.[row] as number;
  const targets = Float64Array.from({ length: rows }, (_, row) => {
    const together = Math.max(at(1, row), 0) * at(2, row) - Math.abs(at(4, row)) * (at(5, row) > 0 ? 1 : 0.5);
    return at(0, row) + Math.sin(3 * at(3, row)) + together + random.normal() > -0.5 ? 1 : 0;
  });
  const set = { rows, columns: values.map((one, index) => ({ name: `f${index}`, values: one })), targets };
  return halves(set, (row) => row % 10 === 9, set);
}

function halves(set: TrainingSet, isTest: (row: number) => boolean, training?: TrainingSet): TrainingData {
  const indexes = Uint32Array.from({ length: set.rows }, (_, row) => row);
  return {
    training:
      training ??
      rowsOf(
        set,
        indexes.filter((row) => !isTest(row)),
      ),
    test: rowsOf(set, indexes.filter(isTest)),
  };
}

export function writeData(folder: string, { training, test }: TrainingData): void {
  for (const [name, { columns, targets }] of Object.entries({ training, test })) {
    writeFileSync(join(folder, `${name}.f32`), Buffer.concat(columns.map(({ values }) => bytesOf(values))));
    writeFileSync(join(folder, `${name}.f64`), bytesOf(targets));
  }
  const described = training.columns.map(({ name, categories }) => ({
    name,
    ...(categories === undefined ? {} : { categories }),
  }));
  writeFileSync(join(folder, "columns.json"), JSON.stringify(described));
}

/** What `writeData` wrote as "training" or "test". */
export function readData(folder: string, name: string): TrainingSet {
  const described = JSON.parse(readFileSync(join(folder, "columns.json"), "utf8")) as Omit<
    TrainingColumn,
    "values"
  >[];
  const targets = new Float64Array(Uint8Array.from(readFileSync(join(folder, `${name}.f64`))).buffer);
  const rows = targets.length;
  const all = new Float32Array(Uint8Array.from(readFileSync(join(folder, `${name}.f32`))).buffer);
  const columns = described.map((column, index) => ({
    ...column,
    values: all.subarray(index * rows, (index + 1) * rows),
  }));
  return { rows, columns, targets };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
