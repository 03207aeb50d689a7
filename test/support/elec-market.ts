/**
 * The electricity market of New South Wales (Elec2): 45,312 half-hours with what the `elec` fixture's model scores them, on
 * whose first half it was trained. The data are not part of the project: elec.csv is looked for in TEST_DATA_DIR, or in
 * ../shared/data beside the project.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./model-folder.ts";

export const ELEC_FOLDER = join(PROJECT, "test/fixtures/elec");
export const MARKET_FILE = join(process.env["TEST_DATA_DIR"] ?? join(PROJECT, "../shared/data"), "elec.csv");
/** Why a test of the market is skipped, if it is. */
export const marketIsMissing = existsSync(MARKET_FILE)
  ? false
  : `there is no ${MARKET_FILE}; TEST_DATA_DIR names its folder`;

export interface ElecGolden {
  readonly data_sha256: string;
  readonly rows: number;
  readonly train_rows: number;
  readonly sample: { readonly rows: number; readonly first_row: number; readonly step: number };
  readonly roc_auc: number;
}

export interface MarketRow {
  readonly features: Readonly<Record<string, number>>;
  readonly label: number;
}

export const elecGolden = JSON.parse(readFileSync(join(ELEC_FOLDER, "golden.json"), "utf8")) as ElecGolden;

/** scikit-learn's P(class = 1) of every row of the data. */
export function readScores(): Float32Array {
  const bytes = readFileSync(join(ELEC_FOLDER, "golden.f32"));
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}

/** All rows in the data's order. @throws Error when it is another file. */
export function readMarket(): MarketRow[] {
  const text = readFileSync(MARKET_FILE, "utf8");
  const digest = createHash("sha256").update(text).digest("hex");
  if (digest !== elecGolden.data_sha256) throw new Error(`${MARKET_FILE} is another file than the model's`);
  const rows = parseMarket(text);
  if (rows.length !== elecGolden.rows) throw new Error(`${MARKET_FILE} has ${rows.length} rows`);
  return rows;
}

/** Rows of a CSV text with a head, whose last column is the label. */
export function parseMarket(text: string): MarketRow[] {
  const [head = "", ...lines] = text.trim().split(/\r?\n/);
  const names = head.split(",").slice(0, -1);
  return lines.map((line) => {
    const cells = line.split(",").map(Number);
    const features = Object.fromEntries(names.map((name, index) => [name, cells[index] as number]));
    return { features, label: cells.at(-1) as number };
  });
}
