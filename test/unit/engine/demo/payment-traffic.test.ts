/** The demo's requests: what the engine refuses is counted, and what is answered is labelled. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PaymentTraffic } from "../../../../engine/demo/payment-traffic.ts";
import type { LabelledPrediction } from "../../../../engine/demo/rolling-quality.ts";
import { createCardFraudGenerator } from "../../../../engine/sample/card-fraud.ts";
import { eventually } from "../../../support/eventually.ts";

const OPTIONS = { model: "card-fraud", rate: 200 };

describe("the demo's payments", () => {
  it("are counted when they fail, by message, and never tried again", async () => {
    let calls = 0;
    const traffic = new PaymentTraffic({
      ...OPTIONS,
      generator: createCardFraudGenerator(1),
      call: async () => {
        calls++;
        throw new Error("refused");
      },
      onLabelled: () => assert.fail("nothing was answered"),
    });
    const stopping = new AbortController();
    const running = traffic.run(stopping.signal);
    await eventually("ten have failed", () => traffic.failed >= 10);
    stopping.abort();
    await running;
    assert.deepEqual([...traffic.failures], [["refused", calls]]);
    assert.equal(traffic.answered, 0);
  });

  it("are left out while too many wait for their answers", async () => {
    const answers: (() => void)[] = [];
    const traffic = new PaymentTraffic({
      ...OPTIONS,
      rate: 2_000,
      generator: createCardFraudGenerator(1),
      call: async () => {
        await new Promise<void>((resolve) => answers.push(resolve));
        throw new Error("too late");
      },
      onLabelled: () => undefined,
    });
    const stopping = new AbortController();
    const running = traffic.run(stopping.signal);
    await eventually("some are left out", () => traffic.leftOut > 100);
    assert.equal(answers.length, 256);
    stopping.abort();
    for (const answer of answers) answer();
    await running;
  });

  it("get their label after their answer, which is then known by version and score", async () => {
    const labelled: LabelledPrediction[] = [];
    const sent = new Map<string, string>();
    const generator = createCardFraudGenerator(1);
    const expected = createCardFraudGenerator(1);
    const traffic = new PaymentTraffic({
      ...OPTIONS,
      generator,
      call: async (_method, path, body) => {
        if (path === "/predict") return { model_version: "1.0.0", predicted_value: 0.25 };
        const { labels } = body as { labels: { request_id: string; label: string }[] };
        for (const { request_id, label } of labels) sent.set(request_id, label);
        return {};
      },
      onLabelled: (prediction) => labelled.push(prediction),
    });
    const stopping = new AbortController();
    const running = traffic.run(stopping.signal);
    await eventually("labels are there", () => labelled.length >= 50, 20_000);
    stopping.abort();
    await running;
    assert.deepEqual(
      labelled.slice(0, 50).map(({ version, score, isFraud }) => [version, score, isFraud]),
      Array.from({ length: 50 }, () => ["1.0.0", 0.25, expected.next().label === "fraud"]),
    );
    assert.equal(sent.size, labelled.length);
  });
});
