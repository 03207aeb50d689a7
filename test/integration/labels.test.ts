/**
 * Labels end to end: over REST, the stream and CSV files into ClickHouse, joined to the predictions of a running engine.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Prediction } from "../../engine/core/prediction.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

const STORED_MS = 15_000;
const UNKNOWN_ID = "01900000-0000-7000-8000-000000000000";

interface ErrorAnswer {
  readonly error: {
    readonly code: string;
    readonly details: { readonly field: string; readonly message: string }[];
  };
}

describe("labels", () => {
  let engine: TestEngine;
  let nats: NatsConnection;
  let folder: TempFolder;
  before(async () => {
    folder = await createTempFolder();
    engine = await startTestEngine();
    nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  async function predict(head: Record<string, string> = {}): Promise<Prediction> {
    const answer = await engine.post("/predict", { ...head, features: PAYMENT });
    assert.equal(answer.status, 200);
    return (await answer.json()) as Prediction;
  }

  async function send(...labels: unknown[]): Promise<void> {
    const answer = await engine.post("/labels", { model_name: "card-fraud", labels });
    assert.equal(answer.status, 202, await answer.clone().text());
    assert.deepEqual(await answer.json(), { model_name: "card-fraud", accepted: labels.length });
  }

  async function publish(
    payload: unknown,
    id?: string,
    subject = "millrace.labels.card-fraud",
  ): Promise<void> {
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    await jetstream(nats).publish(subject, text, id === undefined ? {} : { msgID: id });
  }

  /** Label and source of the prediction with this id, once the sink has passed all that was sent. */
  async function labelOf(predictionId: string): Promise<readonly string[]> {
    await untilStored();
    const rows = await engine.sql<{ label: string; label_source: string }>(
      `SELECT if(label_class = '', toString(label_value), label_class) AS label, label_source
       FROM millrace.labelled_predictions(model = 'card-fraud', from = now() - 3600, to = now() + 3600)
       WHERE prediction_id = {predictionId:UUID}`,
      { predictionId },
    );
    assert.ok(rows.length < 2, "each prediction is joined once");
    return rows.flatMap(({ label, label_source }) => [label, label_source]);
  }

  let marks = 0;
  /** A label behind all others is stored: so they are. And so are all predictions. */
  async function untilStored(): Promise<void> {
    const id = `mark-${marks++}`;
    const { prediction_id: predictionId } = await predict();
    await publish({ label_id: id, prediction_id: UNKNOWN_ID, label: 0 });
    await eventually(
      "label and prediction are stored",
      async () => {
        const [found] = await engine.sql<{ labels: string; predictions: string }>(
          `SELECT (SELECT count() FROM millrace.labels WHERE label_id = {id:String}) AS labels,
             (SELECT count() FROM millrace.predictions WHERE prediction_id = {predictionId:UUID}) AS predictions`,
          { id, predictionId },
        );
        return Number(found?.labels) === 1 && Number(found?.predictions) === 1;
      },
      STORED_MS,
    );
  }

  it("find their predictions by prediction, by request, and by entity and time", async () => {
    const first = await predict();
    const second = await predict({ request_id: "order-17" });
    const third = await predict({ entity_id: "customer-3" });
    await send(
      { prediction_id: first.prediction_id.toUpperCase(), label: "fraud" },
      { request_id: "order-17", label: "legitimate" },
      { entity_id: "customer-3", time: Date.now(), label: true, label_time: "2026-11-20T10:00:00Z" },
    );
    assert.deepEqual(await labelOf(first.prediction_id), ["fraud", "prediction_id"]);
    assert.deepEqual(await labelOf(second.prediction_id), ["legitimate", "request_id"]);
    assert.deepEqual(await labelOf(third.prediction_id), ["true", "entity"]);
    const [row] = await engine.sql<{ label_time: string; late: number }>(
      `SELECT label_time, arrival_time > now() - 600 AS late FROM millrace.labels WHERE entity_id = 'customer-3'`,
    );
    assert.deepEqual(row, { label_time: "2026-11-20 10:00:00.000", late: 1 });
  });

  it("may come before the prediction is made", async () => {
    await send({ request_id: "early-1", label: "fraud" });
    await untilStored();
    const { prediction_id: id } = await predict({ request_id: "early-1" });
    assert.deepEqual(await labelOf(id), ["fraud", "request_id"]);
  });

  it("may be corrected, there and back, and are stored once when they come again", async () => {
    const { prediction_id: id } = await predict();
    const rows = async () =>
      (
        await engine.sql<{ label_class: string }>(
          "SELECT label_class FROM millrace.labels WHERE prediction_id = {id:UUID} ORDER BY log_seq",
          { id },
        )
      ).map((row) => row.label_class);
    const label = (text: string) => ({ prediction_id: id, label: text });
    await send(label("fraud"));
    await send(label("fraud"));
    assert.deepEqual(await labelOf(id), ["fraud", "prediction_id"]);
    await send(label("legitimate"));
    await publish(label("legitimate"));
    assert.deepEqual(await labelOf(id), ["legitimate", "prediction_id"]);
    await send(label("fraud"));
    assert.deepEqual(await labelOf(id), ["fraud", "prediction_id"]);
    assert.deepEqual(await rows(), ["fraud", "legitimate", "fraud"]);
  });

  it("of one label_id count once, whatever came between", async () => {
    const { prediction_id: id } = await predict();
    await send({ label_id: "case-1", prediction_id: id, label: "fraud" });
    await send({ label_id: "case-2", prediction_id: id, label: "legitimate" });
    await publish({ label_id: "case-1", prediction_id: id, label: "unsure" });
    assert.deepEqual(await labelOf(id), ["legitimate", "prediction_id"]);
  });

  it("that are wrong in the stream become dead letters with the reason, and the others go on", async () => {
    const { prediction_id: id } = await predict();
    const manager = await jetstreamManager(nats);
    const deadBefore = (await manager.streams.info("MILLRACE_DEAD")).state.last_seq;
    await publish("{");
    await publish({ prediction_id: id, label: "fraud", labl: 1 });
    await publish({ prediction_id: id, request_id: "both", label: "fraud" });
    await publish({ prediction_id: id });
    await publish({ prediction_id: id, label: "legitimate" });
    assert.deepEqual(await labelOf(id), ["legitimate", "prediction_id"]);
    const reasons: string[] = [];
    for (let seq = deadBefore + 1; seq <= deadBefore + 4; seq++) {
      const letter = await eventually(
        "the dead letter is there",
        async () => (await manager.streams.getMessage("MILLRACE_DEAD", { seq })) ?? undefined,
      );
      assert.equal(letter.subject, "millrace.dead.MILLRACE_LABELS");
      reasons.push(letter.header.get("Millrace-Reason"));
    }
    const expected = [
      /not JSON/,
      /labl: is no known field/,
      /exactly one of prediction_id/,
      /^label: must be/,
    ];
    for (const [index, reason] of reasons.entries()) assert.match(reason, expected[index] as RegExp);
  });

  it("that are wrong in a request are refused whole, and the field is named", async () => {
    const good = { prediction_id: UNKNOWN_ID, label: 1 };
    const cases: readonly (readonly [body: unknown, field: string])[] = [
      [{ labels: [good] }, "model_name"],
      [{ model_name: "Card Fraud", labels: [good] }, "model_name"],
      [{ model_name: "card-fraud", labels: [] }, "labels"],
      [{ model_name: "card-fraud", labels: [good], more: 1 }, "more"],
      ...(
        [
          [{ label: 1 }, "prediction_id"],
          [{ ...good, request_id: "r" }, "prediction_id"],
          [{ entity_id: "e", label: 1 }, "time"],
          [{ time: 0, label: 1 }, "entity_id"],
          [{ entity_id: "e", time: "yesterday", label: 1 }, "time"],
          [{ ...good, prediction_id: "7" }, "prediction_id"],
          [{ ...good, label: null }, "label"],
          [{ ...good, label: "" }, "label"],
          [{ ...good, label: "x".repeat(257) }, "label"],
          [{ ...good, label_time: "2026-02-31T00:00:00Z" }, "label_time"],
          [{ ...good, label_id: "a\nb" }, "label_id"],
          [{ ...good, extra: 1 }, "extra"],
          ["fraud", ""],
        ] as const
      ).map(
        ([label, field]) =>
          [{ model_name: "card-fraud", labels: [good, label] }, `labels.1${field && "."}${field}`] as const,
      ),
    ];
    const manager = await jetstreamManager(nats);
    const before = (await manager.streams.info("MILLRACE_LABELS")).state.last_seq;
    for (const [body, field] of cases) {
      const answer = await engine.post("/labels", body);
      const { error } = (await answer.json()) as ErrorAnswer;
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.equal(error.details[0]?.field, field, JSON.stringify(error));
    }
    const many = await engine.post("/labels", {
      model_name: "card-fraud",
      labels: Array.from({ length: 10_001 }, () => good),
    });
    assert.equal(many.status, 413);
    const unknown = await engine.post("/labels", { model_name: "nobody", labels: [good] });
    assert.equal(unknown.status, 404);
    assert.equal(
      (await manager.streams.info("MILLRACE_LABELS")).state.last_seq,
      before,
      "nothing was published",
    );
  });

  it("are counted, those of no prediction too", async () => {
    await untilStored();
    const answer = await engine.get("/monitoring/card-fraud/labels?hours=2");
    assert.equal(answer.status, 200);
    const counts = (await answer.json()) as {
      predictions: number;
      labelled_predictions: number;
      labels: { arrived: number; matched: number; unmatched: number };
      latest_arrival: string;
      delay_seconds: Record<string, number>;
      maturity: unknown[];
      hours: unknown[];
    };
    const [stored] = await engine.sql<{ all: string; unknown: string }>(
      "SELECT count() AS all, countIf(prediction_id = {id:UUID}) AS unknown FROM millrace.labels",
      { id: UNKNOWN_ID },
    );
    assert.equal(counts.labels.arrived, Number(stored?.all));
    assert.equal(counts.labels.unmatched, Number(stored?.unknown));
    assert.ok(counts.labelled_predictions >= 7 && counts.predictions > counts.labelled_predictions);
    assert.ok(Date.now() - Date.parse(counts.latest_arrival) < 60_000);
    assert.ok((counts.delay_seconds["0.5"] ?? -1) >= 0);
    assert.equal(counts.maturity.length, 4);
    assert.equal((await engine.get("/monitoring/nobody/labels")).status, 404);
    assert.equal((await engine.get("/monitoring/card-fraud/labels?hours=0")).status, 400);
  });

  it("come from a CSV file; bad lines are told and the others go on", async () => {
    const made = [
      await predict(),
      await predict({ request_id: "csv, 2" }),
      await predict({ entity_id: "csv-3" }),
    ];
    const file = join(folder.path, "labels.csv");
    const lines = [
      "id,request_id,note,entity_id,time,label",
      `${made[0]?.prediction_id},,"a ""quoted"" note,\nof two lines",,,fraud`,
      'not-an-id,,,,,"fraud"',
      ',"csv, 2",,,,1',
      `,,,csv-3,${Date.now()},true`,
      ",,,,,fraud",
      "too,few",
      `${made[0]?.prediction_id},,,,,`,
    ];
    await writeFile(file, `\ufeff${lines.join("\r\n")}`);
    const options = ["--model", "card-fraud", "--url", engine.httpUrl, "--prediction-id-column", "id"];
    const { code, stdout, stderr } = await runCli(["labels", "import", file, ...options]);
    assert.equal(stdout, "3 labels sent, 4 lines refused\n");
    assert.equal(code, 1);
    assert.match(stderr, /^line 4: prediction_id: must be a UUID$/m);
    assert.match(stderr, /^line 7: prediction_id: give exactly one of/m);
    assert.match(stderr, /^line 8: has 2 fields, the header 6$/m);
    assert.match(stderr, /^line 9: label: must be/m);
    assert.deepEqual(await labelOf(made[0]?.prediction_id ?? ""), ["fraud", "prediction_id"]);
    assert.deepEqual(await labelOf(made[1]?.prediction_id ?? ""), ["1", "request_id"]);
    assert.deepEqual(await labelOf(made[2]?.prediction_id ?? ""), ["true", "entity"]);
  });

  it("of a CSV file that cannot be imported at all say why", async () => {
    const file = join(folder.path, "other.csv");
    const run = async (text: string, ...more: string[]) => {
      await writeFile(file, text);
      return runCli(["labels", "import", file, "--model", "card-fraud", "--url", engine.httpUrl, ...more]);
    };
    const wrong = [
      [await run(""), /is empty/],
      [
        await run("prediction_id,truth\n"),
        /no column label: name it with --label-column; the file has prediction_id, truth/,
      ],
      [await run("entity_id,label\n"), /no entity_id with time/],
      [await run("id,label\n", "--label-column", "truth"), /no column "truth" for label/],
      [await run("prediction_id,label\n", "--model", "nobody"), /^$/],
      [await run(`prediction_id,label\n${UNKNOWN_ID},1\n`, "--model", "nobody"), /there is no model nobody/],
      [
        await runCli(["labels", "import", join(folder.path, "none.csv"), "--model", "card-fraud"]),
        /cannot be read/,
      ],
    ] as const;
    for (const [{ stderr }, reason] of wrong) assert.match(stderr, reason);
    assert.deepEqual(
      wrong.map(([{ code }]) => code),
      [1, 1, 1, 1, 0, 1, 1],
    );
  });
});
