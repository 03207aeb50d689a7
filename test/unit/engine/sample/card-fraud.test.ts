/**
 * The sample model: its generator is deterministic and speaks the manifest's language, and the shipped file is as
 * good on fresh data as its description says.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { problemWith } from "../../../../engine/core/model-input.ts";
import {
  CARD_FRAUD_CLASSES,
  type CardFeatures,
  type CardTransaction,
  COUNTRIES,
  createCardFraudGenerator,
  MERCHANT_CATEGORIES,
} from "../../../../engine/sample/card-fraud.ts";
import { onnxRuntime } from "../../../../workers/runtime-onnx.ts";
import { readModelFolder } from "../../../support/model-folder.ts";

const FRESH_ROWS = 40_000;
const FRESH_SEED = 3;
/** Two samples of 1,500 frauds each differ by about this much. */
const AUC_TOLERANCE = 0.02;

const { manifest, files } = readModelFolder("engine/sample/card-fraud");

function take(seed: number, count: number): CardTransaction[] {
  const generator = createCardFraudGenerator(seed);
  return Array.from({ length: count }, () => generator.next());
}

function encode(features: CardFeatures): number[] {
  return manifest.inputs.map((input) => {
    const value = features[input.name as keyof CardFeatures];
    return input.type === "category" ? input.categories.indexOf(String(value)) : Number(value);
  });
}

/** Share of pairs of one fraud and one legitimate payment that the score puts in order; ties count half. */
function rocAuc(scores: readonly number[], isPositive: readonly boolean[]): number {
  const order = scores.map((_, index) => index).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0));
  let rankSum = 0;
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && scores[order[end] ?? 0] === scores[order[start] ?? 0]) end += 1;
    const positives = order.slice(start, end).filter((index) => isPositive[index]).length;
    rankSum += positives * ((start + 1 + end) / 2);
    start = end;
  }
  const positives = isPositive.filter(Boolean).length;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (scores.length - positives));
}

describe("card-fraud sample", () => {
  it("gives the same transactions for a seed and others for another", () => {
    assert.deepEqual(take(7, 100), take(7, 100));
    assert.notDeepEqual(take(7, 100)[0]?.features, take(8, 100)[0]?.features);
  });

  it("makes features that the manifest allows, under its names and categories", () => {
    for (const { features } of take(5, 5000)) {
      assert.deepEqual(
        Object.keys(features),
        manifest.inputs.map(({ name }) => name),
      );
      for (const input of manifest.inputs) {
        assert.equal(problemWith(input, features[input.name as keyof CardFeatures]), undefined, input.name);
      }
    }
    const categories = (name: string): unknown => {
      const input = manifest.inputs.find((candidate) => candidate.name === name);
      return input?.type === "category" ? input.categories : undefined;
    };
    assert.deepEqual(categories("merchant_category"), [...MERCHANT_CATEGORIES]);
    assert.deepEqual(categories("country"), [...COUNTRIES]);
    assert.deepEqual(manifest.classes, [...CARD_FRAUD_CLASSES]);
  });

  it("comes with a model that reaches the AUC of its description on fresh transactions", async () => {
    const transactions = take(FRESH_SEED, FRESH_ROWS);
    const stated = Number(/ROC AUC (0\.\d+)/.exec(manifest.description ?? "")?.[1]);
    const auc = await aucOf(transactions);
    assert.ok(Math.abs(auc - stated) < AUC_TOLERANCE, `AUC ${auc}, stated ${stated}`);
    const share = transactions.filter(({ label }) => label === "fraud").length / FRESH_ROWS;
    assert.ok(share > 0.03 && share < 0.045, `${share} fraud`);
  });

  it("turns into a season that its model knows nothing of, and back", async () => {
    const generator = createCardFraudGenerator(FRESH_SEED);
    generator.begin("card_testing");
    const transactions = Array.from({ length: FRESH_ROWS }, () => generator.next());
    const tests = transactions.filter(
      ({ features: { merchant_category, amount, card_present } }) =>
        merchant_category === "fuel" && amount <= 5 && card_present,
    );
    const frauds = tests.filter(({ label }) => label === "fraud").length;
    assert.ok(frauds / tests.length > 0.9 && tests.length > 0.1 * FRESH_ROWS, `${frauds} of ${tests.length}`);
    for (const { features } of transactions)
      for (const input of manifest.inputs)
        assert.equal(problemWith(input, features[input.name as keyof CardFeatures]), undefined, input.name);
    assert.ok((await aucOf(transactions)) < 0.5);
    generator.begin("usual");
    const usual = Array.from({ length: FRESH_ROWS }, () => generator.next());
    assert.ok((await aucOf(usual)) > 0.85);
  });
});

/** Of the shipped model. */
async function aucOf(transactions: readonly CardTransaction[]): Promise<number> {
  const features = Float32Array.from(transactions.flatMap((transaction) => encode(transaction.features)));
  const outputs = new Float32Array(transactions.length * 2);
  const model = await onnxRuntime.load({ manifest, files });
  await model.predict(features, transactions.length, outputs);
  await model.close();
  const isFraud = transactions.map(({ label }) => label === "fraud");
  return rocAuc(
    isFraud.map((_, index) => outputs[index * 2 + 1] ?? Number.NaN),
    isFraud,
  );
}
