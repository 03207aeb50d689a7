/**
 * The Open Inference Protocol on a whole engine, beyond what clients of other servers ask (conformance/oip-*): the same requests over
 * NATS, what stands in the log, explanations, online features, deadlines.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { jetstream } from "@nats-io/jetstream";
import { connect, headers, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { markedBlock, readReadme } from "../support/readme.ts";
import { serveTensorModels } from "../support/tensor-models.ts";

const LENGTH = "Inference-Header-Content-Length";

interface Output {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | string | boolean)[];
}

interface Answer {
  readonly id?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly outputs: readonly Output[];
  readonly error?: string;
}

function column(name: string, datatype: string, ...data: unknown[]) {
  return { name, datatype, shape: [data.length, 1], data };
}

/** Payments of the sample model, with the entities whose features it looks up. */
const PAYMENTS = [
  column("amount", "FP32", 42.5, 900),
  column("hour", "INT64", 14, 3),
  column("merchant_category", "BYTES", "grocery", "gift_cards"),
  column("card_id", "BYTES", "c1", "c2"),
  column("merchant_id", "BYTES", "m1", "m2"),
];

function outputOf({ outputs, error }: Answer, name: string): Output {
  const output = outputs?.find((one) => one.name === name);
  assert.ok(output !== undefined, error ?? `there is an output ${name}`);
  return output;
}

describe("the Open Inference Protocol", () => {
  let engine: TestEngine;
  let nats: NatsConnection;
  before(async () => {
    engine = await startTestEngine();
    nats = await connect({ servers: engine.natsUrl });
    await serveTensorModels(engine);
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  const infer = async (model: string, body: object, what = "infer", status = 200): Promise<Answer> => {
    const response = await engine.post(`/v2/models/${model}/${what}`, body);
    const answer = (await response.json()) as Answer;
    assert.equal(response.status, status, JSON.stringify(answer));
    return answer;
  };

  it("gives what POST /predict gives, for each row, and the label that the model itself says", async () => {
    const answer = await infer("card-fraud", { inputs: PAYMENTS, parameters: { prediction_ids: true } });
    const probabilities = outputOf(answer, "probabilities");
    assert.deepEqual(probabilities.shape, [2, 2]);
    for (const [row, card_id] of ["c1", "c2"].entries()) {
      const features = Object.fromEntries(PAYMENTS.slice(0, 3).map(({ name, data }) => [name, data[row]]));
      const entities = { card_id, merchant_id: `m${row + 1}` };
      const response = await engine.post("/predict", { model: "card-fraud", features, entities });
      const { probabilities: expected } = (await response.json()) as { probabilities: number[] };
      assert.deepEqual(probabilities.data.slice(2 * row, 2 * row + 2), expected);
    }
    assert.deepEqual(outputOf(answer, "label").datatype, "INT64");
    const ids = answer.parameters?.["prediction_ids"]?.split(",") ?? [];
    assert.equal(ids.length, 2);
    await eventually("both rows are in the log, under those ids", async () => {
      const rows = await engine.sql<{ prediction_id: string; predicted_value: number; batch_rows: number }>(
        "SELECT prediction_id, predicted_value FROM millrace.predictions WHERE prediction_id IN (" +
          `${ids.map((id) => `'${id}'`).join(",")}) ORDER BY prediction_id = '${ids[0]}' DESC`,
      );
      if (rows.length < 2) return false;
      assert.deepEqual(
        rows.map((row) => Math.fround(row.predicted_value)),
        [probabilities.data[1], probabilities.data[3]],
      );
      return true;
    });
  });

  it("takes rows that are looked up whole or not at all", async () => {
    const before = await infer("card-fraud", { inputs: PAYMENTS });
    assert.ok(before.outputs.length > 0);
    const count = async (): Promise<number> => {
      const { model_stats } = (await (await engine.get("/v2/models/card-fraud/stats")).json()) as {
        model_stats: { inference_count: number }[];
      };
      return model_stats[0]?.inference_count ?? Number.NaN;
    };
    const known = await count();
    const wrong: [string, object, RegExp][] = [
      ["card_id", column("card_id", "BYTES", "c1", ""), /card_id is required/],
      ["amount", column("amount", "FP32", 42.5, -1), /row 1: features.amount must be at least 0/],
      ["hour", column("hour", "INT64", 14, 99), /row 1: features.hour must be at most 23/],
    ];
    for (const [name, other, pattern] of wrong) {
      const inputs = PAYMENTS.map((one) => (one.name === name ? other : one));
      assert.match((await infer("card-fraud", { inputs }, "infer", 400)).error ?? "", pattern);
    }
    await infer("card-fraud", { inputs: PAYMENTS });
    assert.equal(await count(), known + 2);
  });

  it("is as the README shows it", async () => {
    const block = markedBlock(readReadme(), "oip").replaceAll("http://127.0.0.1:8080", engine.httpUrl);
    const { stdout } = await promisify(execFile)("sh", ["-ec", block]);
    const [card = "", answer = ""] = stdout.replace("}{", "}\n{").split("\n");
    assert.equal((JSON.parse(card) as { name: string }).name, "card-fraud");
    assert.deepEqual(outputOf(JSON.parse(answer) as Answer, "label").shape, [2]);
  });

  it("explains rows: what inputs contribute adds up to the margin", async () => {
    const answer = await infer("card-fraud", { inputs: PAYMENTS }, "explain");
    const { data, shape } = outputOf(answer, "attributions");
    const names = outputOf(answer, "input_names").data;
    assert.deepEqual(shape, [2, names.length]);
    assert.equal(answer.parameters?.["contribution_unit"], "margin");
    for (const row of [0, 1]) {
      const base = outputOf(answer, "base_values").data[row] as number;
      const sum = (data.slice(row * names.length, (row + 1) * names.length) as number[]).reduce(
        (a, b) => a + b,
        base,
      );
      const fraud = outputOf(answer, "probabilities").data[2 * row + 1] as number;
      assert.ok(Math.abs(1 / (1 + Math.exp(-sum)) - fraud) < 1e-4, `${sum} and ${fraud}`);
    }
    const inputs = [column("x", "INT64", 1, 2, 3)].map((one) => ({ ...one, shape: [1, 3] }));
    const { error } = await infer("identity-int64", { inputs }, "explain", 501);
    assert.match(error ?? "", /models of tensors are not explained/);
  });

  it("keeps the inputs of a model of tensors in the log, numbers that a float holds and all others as text", async () => {
    const { inputs } = (await (await engine.get("/v2/models/mixed")).json()) as {
      inputs: { name: string; datatype: string; shape: number[] }[];
    };
    const values = inputs.map(({ name, datatype, shape }, index) => {
      const count = shape.slice(1).reduce((product, size) => product * size, 1);
      const data = Array.from({ length: count }, (_, at) =>
        datatype === "BYTES" ? `text ${at}` : datatype === "BOOL" ? at % 2 === 0 : at + index,
      );
      return { name, datatype, shape: [1, ...shape.slice(1)], data };
    });
    const answer = await infer("mixed", { inputs: values });
    const id = answer.parameters?.["prediction_id"];
    await eventually("the row is stored", async () => {
      const [row] = await engine.sql<{ features: number[]; categories: string[] }>(
        `SELECT features, categories FROM millrace.predictions WHERE prediction_id = '${id}'`,
      );
      if (row === undefined) return false;
      const exact = new Set(["BOOL", "UINT8", "UINT16", "INT8", "INT16", "FP16", "FP32"]);
      const kept = (isExact: boolean) =>
        values.filter(({ datatype }) => exact.has(datatype) === isExact).flatMap(({ data }) => data);
      assert.deepEqual(row.features.map(Number), kept(true).map(Number));
      assert.deepEqual(row.categories, kept(false).map(String));
      return true;
    });
  });

  it("refuses features for a model of tensors", async () => {
    const response = await engine.post("/predict", { model: "identity-fp32", features: PAYMENT });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /it takes tensors, at POST \/v2/);
  });

  it("gives up when the timeout of the request has passed", async () => {
    const { error } = await infer(
      "card-fraud",
      { inputs: PAYMENTS, parameters: { timeout: 1 } },
      "infer",
      504,
    );
    assert.match(error ?? "", /deadline/);
    await infer("card-fraud", { inputs: PAYMENTS, parameters: { timeout: 20_000_000, priority: 1 } });
    const wrong = { inputs: PAYMENTS, parameters: { priority: -1 } };
    assert.match(
      (await infer("card-fraud", wrong, "infer", 400)).error ?? "",
      /priority must be a whole number/,
    );
  });

  const binary = (values: Float32Array): { body: Buffer; length: string } => {
    const json = JSON.stringify({
      id: "b1",
      inputs: [
        { name: "x", datatype: "FP32", shape: [1, 3], parameters: { binary_data_size: values.byteLength } },
      ],
      parameters: { binary_data_output: true },
    });
    return {
      body: Buffer.concat([Buffer.from(json), Buffer.from(values.buffer)]),
      length: String(json.length),
    };
  };

  it("answers over NATS, JSON and binary, and refuses there in its own shape", async () => {
    const ask = async (
      model: string,
      payload: string | Uint8Array,
      head: Record<string, string> = {},
    ): Promise<Msg> => {
      const all = headers();
      for (const [name, value] of Object.entries(head)) all.set(name, value);
      return nats.request(`millrace.predict.${model}`, payload, { timeout: 10_000, headers: all });
    };
    const json = JSON.stringify({
      inputs: [{ name: "x", datatype: "INT64", shape: [1, 3], data: [1, 2, 3] }],
    });
    const text = (await ask("identity-int64", json)).string();
    assert.match(text, /"data":\[1,2,3\]/);
    const long = json.replace("[1,2,3]", "[9007199254740993,-9223372036854775808,0]");
    assert.match((await ask("identity-int64", long)).string(), /\[9007199254740993,-9223372036854775808,0\]/);
    const values = Float32Array.of(1.5, Number.NaN, -0);
    const { body, length } = binary(values);
    const reply = await ask("identity-fp32", body, { [LENGTH]: length, "model-version": "production" });
    const at = Number(reply.headers?.get(LENGTH));
    assert.deepEqual(Buffer.from(reply.data.subarray(at)), Buffer.from(values.buffer));
    assert.equal((JSON.parse(Buffer.from(reply.data.subarray(0, at)).toString()) as Answer).id, "b1");
    for (const [message, pattern] of [
      [await ask("identity-int64", body, { [LENGTH]: length }), /datatype FP32; the model takes INT64/],
      [await ask("identity-fp32", body, { [LENGTH]: "9999999" }), /must be the length/],
      [await ask("identity-fp32", body, { [LENGTH]: length, "model-version": "9.9.9" }), /none of them/],
    ] as const) {
      assert.match(message.headers?.get("Nats-Service-Error-Code") ?? "", /^40[04]$/);
      assert.match(message.json<{ error: string }>().error, pattern);
    }
  });

  it("answers durable requests, each once, into the stream of predictions", async () => {
    const client = jetstream(nats);
    const results = nats.subscribe("millrace.predictions.identity-fp32");
    const { body, length } = binary(Float32Array.of(7, 8, 9));
    const head = headers();
    head.set(LENGTH, length);
    for (let turn = 0; turn < 2; turn++)
      await client.publish("millrace.requests.identity-fp32", body, { msgID: "durable-1", headers: head });
    const { value: message } = await results[Symbol.asyncIterator]().next();
    const at = Number(message?.headers?.get(LENGTH));
    assert.deepEqual(
      [...new Float32Array(Uint8Array.from(message?.data.subarray(at) ?? []).buffer)],
      [7, 8, 9],
    );
    const wrong = JSON.stringify({
      inputs: [{ name: "x", datatype: "INT8", shape: [1, 3], data: [1, 2, 3] }],
    });
    await client.publish("millrace.requests.identity-fp32", wrong);
    const manager = await client.jetstreamManager();
    await eventually("the one that can never be answered is a dead letter", async () => {
      const letter = await manager.streams.getMessage("MILLRACE_DEAD", { last_by_subj: "millrace.dead.*" });
      return /datatype INT8/.test(letter?.header.get("Millrace-Reason") ?? letter?.string() ?? "");
    });
    await eventually("it is in the log, once", async () => {
      const [counted] = await engine.sql<{ rows: string }>(
        "SELECT count() AS rows FROM millrace.predictions WHERE model_name = 'identity-fp32' AND source = 'stream'",
      );
      return Number(counted?.rows) === 1;
    });
  });
});
