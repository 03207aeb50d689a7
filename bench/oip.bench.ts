/**
 * The Open Inference Protocol over HTTP: 64 × 30 floats as binary data against a tight loop of ONNX Runtime over the same batch, and
 * one row against POST /predict; with the log, and without.
 */
import { readModelFolder } from "../storage/model-folder.ts";
import { fixture } from "../test/support/model.ts";
import { runLoad } from "./load/run-load.ts";
import { closedLoops, failuresOf, type Subject } from "./load/subject.ts";
import { startPeer } from "./peer.ts";
import { type Report, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";
import { inTurn, tightLoop } from "./tight-loop-rate.ts";

const ROWS = 64;
const CONNECTIONS = 64;
const BATCH_CONNECTIONS = 16;

export async function benchOip(seconds: number): Promise<Report> {
  const predict = await requestBody();
  const infer = await inferSubjects(predict);
  const withoutLog = await startPeer("engine-without-log.js");
  await using engine = await startBenchEngine();
  const rate = async (subject: Subject): Promise<number> => {
    const load = await runLoad({ ...subject, connections: BATCH_CONNECTIONS, seconds });
    if (failuresOf(load) > 0) throw new Error(`${subject.name}: ${JSON.stringify(load.statuses)}`);
    return load.rate * ROWS;
  };
  const batch = infer("batch", engine.httpUrl, ROWS);
  const bare = infer("batch without a log", withoutLog.url, ROWS);
  const [loop = Number.NaN, logged = Number.NaN, unlogged = Number.NaN] = await inTurn([
    async () => tightLoop(ROWS, seconds / 2),
    async () => rate(batch),
    async () => rate(bare),
  ]);
  const json = { name: "POST /predict", url: `${engine.httpUrl}/predict`, bodies: [predict] };
  const single = infer("OIP, one row", engine.httpUrl, 1);
  const many = await closedLoops([json, single], CONNECTIONS, seconds);
  const one = await closedLoops([json, single], 1, seconds);
  withoutLog.stop();
  const rateOf = (loads: typeof many, { name }: Subject): number => loads[name]?.result.rate ?? Number.NaN;
  const p50Of = (loads: typeof many, { name }: Subject): number =>
    loads[name]?.result.latency.p50 ?? Number.NaN;
  return {
    title: `Open Inference Protocol, binary: ${ROWS} × 30 floats, and one row`,
    rows: [
      { what: `tight loop, ${ROWS} rows`, "rows/s": Math.round(loop) },
      { what: `infer, ${ROWS} rows, logged before the answer`, "rows/s": Math.round(logged) },
      { what: `infer, ${ROWS} rows, without a log`, "rows/s": Math.round(unlogged) },
      {
        what: "POST /predict",
        "rows/s": Math.round(rateOf(many, json)),
        "p50 at 1 connection, ms": p50Of(one, json),
      },
      {
        what: "infer, one row",
        "rows/s": Math.round(rateOf(many, single)),
        "p50 at 1 connection, ms": p50Of(one, single),
      },
    ],
    ratios: {
      [`infer / tight loop, ${ROWS} rows (goal ≥ 0.8)`]: round(logged / loop, 3),
      [`infer without a log / tight loop, ${ROWS} rows (higher is better)`]: round(unlogged / loop, 3),
      "infer / predict, one row, rate (goal ≥ 1)": round(rateOf(many, single) / rateOf(many, json), 3),
      "infer / predict, one row, p50 at 1 connection (goal ≤ 1)": round(
        p50Of(one, single) / p50Of(one, json),
        3,
      ),
    },
  };
}

/** Makes subjects that ask for the same row, so many times. */
async function inferSubjects(predict: string) {
  const { model, features } = JSON.parse(predict) as { model: string; features: Record<string, number> };
  const { manifest } = await readModelFolder(fixture("bench"));
  const asked = { input: manifest.input_tensor ?? "", output: manifest.outputs[0]?.name ?? "" };
  return (name: string, url: string, rows: number): Subject => ({
    name,
    url: `${url}/v2/models/${model}/infer`,
    ...binaryRequest(asked, Object.values(features), rows),
  });
}

/** As tritonclient sends it by default, with the output named that predictions are read from. */
function binaryRequest(
  { input, output }: { readonly input: string; readonly output: string },
  row: readonly number[],
  rows: number,
): Pick<Subject, "bodies" | "encoding" | "headers"> {
  const floats = Float32Array.from({ length: rows * row.length }, (_, at) => row[at % row.length] as number);
  const bytes = Buffer.from(floats.buffer);
  const json = JSON.stringify({
    inputs: [
      {
        name: input,
        shape: [rows, row.length],
        datatype: "FP32",
        parameters: { binary_data_size: bytes.length },
      },
    ],
    outputs: [{ name: output, parameters: { binary_data: true } }],
  });
  return {
    bodies: [Buffer.concat([Buffer.from(json), bytes]).toString("latin1")],
    encoding: "latin1",
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(Buffer.byteLength(json)),
    },
  };
}
