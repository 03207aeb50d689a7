/**
 * Prints made-up card transactions as CSV: what train-card-fraud.py trains the sample model on.
 *
 *     node dist/engine/sample/print-card-fraud.js <rows> <seed>
 */
import { createCardFraudGenerator } from "./card-fraud.ts";

const LINES_PER_WRITE = 1000;

const [rows = 1000, seed = 1] = process.argv.slice(2).map(Number);
const generator = createCardFraudGenerator(seed);
let lines: string[] = [];
for (let row = 0; row < rows; row += 1) {
  const { transaction_id, card_id, merchant_id, features, label } = generator.next();
  if (row === 0)
    lines.push(["transaction_id", "card_id", "merchant_id", ...Object.keys(features), "label"].join(","));
  lines.push([transaction_id, card_id, merchant_id, ...Object.values(features), label].join(","));
  if (lines.length >= LINES_PER_WRITE || row === rows - 1) {
    process.stdout.write(`${lines.join("\n")}\n`);
    lines = [];
  }
}
