/**
 * Trainers of trees beside LightGBM, XGBoost and scikit-learn: the same rows and parameters, one thread and a fresh process each (compiling our
 * code included), in turn; ROC AUC on rows that neither saw. Ratios are of CPU time, which other load on the machine moves least.
 *
 * The peers run on the Python of venv.ts, and are left out where they cannot be had.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rocAuc } from "../engine/monitor/performance/roc-auc.ts";
import { groupScores } from "../engine/monitor/performance/sorted-scores.ts";
import { PROJECT } from "../test/support/model-folder.ts";
import { type Report, round } from "./report.ts";
import { adultData, elecData, madeUpData, type TrainingData, writeData } from "./train-data.ts";
import { peerPython } from "./venv.ts";

const ROUNDS = 3;
const MILLION = 1_000_000;

interface Case {
  readonly name: string;
  readonly kind: "boosting" | "forest";
  readonly rounds: number;
  readonly data: () => TrainingData | undefined;
}

const CASES: readonly Case[] = [
  { name: "adult, categories", kind: "boosting", rounds: ROUNDS, data: () => adultData(true) },
  { name: "adult, codes as numbers", kind: "boosting", rounds: ROUNDS, data: () => adultData(false) },
  { name: "elec", kind: "boosting", rounds: ROUNDS, data: elecData },
  { name: "adult, codes as numbers", kind: "forest", rounds: ROUNDS, data: () => adultData(false) },
  { name: "elec", kind: "forest", rounds: ROUNDS, data: elecData },
  { name: "1 M × 30 made-up rows", kind: "boosting", rounds: 1, data: () => madeUpData(MILLION, 30) },
];

const PEERS = { boosting: ["LightGBM", "XGBoost"], forest: ["scikit-learn"] } as const;
type PeerName = (typeof PEERS)[Case["kind"]][number];

interface Training {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly megabytes: number;
  readonly auc: number;
}

type Row = Record<string, string | number>;

export async function benchTrain(): Promise<Report> {
  const rows: Row[] = [];
  const ratios: Record<string, number> = {};
  const python = (await peerPython("train")) ?? "python3";
  for (const one of CASES) {
    const data = one.data();
    if (data === undefined) continue;
    const { own, peers } = trainAll(one, data, python);
    const what = `${one.kind}: ${one.name}`;
    rows.push(rowOf(what, own));
    if (own.megabytes > 0 && one.rounds === 1)
      ratios[`${what}, MB at the peak (goal < 2048)`] = own.megabytes;
    for (const [name, peer] of peers) {
      rows.push(rowOf(`the same by ${name}`, peer));
      // the goals are of the trainer that ours follows
      const [cpu, auc] =
        name === "XGBoost" ? ["lower is better", "higher is better"] : ["goal ≤ 3", "goal ≥ -0.003"];
      ratios[`${what}, CPU time / ${name}'s (${cpu})`] = round(own.cpuSeconds / peer.cpuSeconds);
      ratios[`${what}, AUC - ${name}'s (${auc})`] = round(own.auc - peer.auc, 4);
    }
  }
  return { title: "Training of trees", rows, ratios };
}

function trainAll(
  { kind, rounds }: Case,
  data: TrainingData,
  python: string,
): { own: Training; peers: ReadonlyMap<PeerName, Training> } {
  const folder = mkdtempSync(join(tmpdir(), "millrace-train-"));
  const subject = fileURLToPath(new URL("train-subject.js", import.meta.url));
  const script = join(PROJECT, "bench/peer-train.py");
  const labels = Uint8Array.from(data.test.targets);
  const own: Training[] = [];
  const theirs = new Map<PeerName, Training[]>(PEERS[kind].map((name) => [name, []]));
  try {
    writeData(folder, data);
    for (let round = 0; round < rounds; round++) {
      const ours = train(process.execPath, [subject, folder, kind], folder, labels);
      if (ours === undefined) throw new Error(`${subject} failed`);
      own.push(ours);
      for (const [name, trainings] of theirs) {
        const training = train(python, [script, folder, name.toLowerCase()], folder, labels);
        if (training !== undefined) {
          trainings.push(training);
          continue;
        }
        theirs.delete(name);
        console.log(`${name} is left out: ${python} cannot run it (BENCH_PYTHON names another Python)`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const peers = new Map([...theirs].map(([name, trainings]) => [name, medianOf(trainings)]));
  return { own: medianOf(own), peers };
}

function train(
  command: string,
  args: readonly string[],
  folder: string,
  labels: Uint8Array,
): Training | undefined {
  const run = spawnSync(command, args, { encoding: "utf8", timeout: 600_000 });
  if (run.status !== 0) return undefined;
  const measured = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "") as Omit<Training, "auc">;
  const scores = new Float64Array(Uint8Array.from(readFileSync(join(folder, "scores.f64"))).buffer);
  return { ...measured, auc: rocAuc(groupScores(scores, labels)) };
}

/** The run with the middle CPU time. */
function medianOf(trainings: readonly Training[]): Training {
  return trainings.toSorted((a, b) => a.cpuSeconds - b.cpuSeconds)[trainings.length >> 1] as Training;
}

function rowOf(what: string, { seconds, cpuSeconds, megabytes, auc }: Training): Row {
  return { what, "CPU s": round(cpuSeconds), s: round(seconds), "MB at most": megabytes, AUC: round(auc, 4) };
}
