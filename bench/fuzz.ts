/**
 * `node dist/bench/fuzz.js [--cases 100000] [--seed N] [--workers 2] [--own]`: requests that schemathesis makes from the engine's own
 * description, against an engine of its own, in rounds until there are so many. Prints answers by status, and whatever was found:
 * a server error that is not honest, an answer that is not as described, or a wrong request that was taken.
 */
import { parseArgs } from "node:util";
import { startTestEngine, type TestEngine } from "../test/support/engine.ts";
import { askGenerated } from "../test/support/generated-requests.ts";
import { type FuzzResult, fuzzRound } from "./fuzz-round.ts";
import { venvPython } from "./venv.ts";

/** Of one operation in a round: there are some 50 whose requests differ. */
const EXAMPLES = 100;
const SHOWN_MAX = 20_000;

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    own: { type: "boolean" },
    workers: { type: "string", default: "2" },
  },
});
if (values.own === true) process.exitCode = await fuzzByItself();
else {
  const python = await venvPython("fuzz");
  if (python !== undefined) process.exitCode = await fuzz(python);
}

/** The same without Python, some ten times as fast: requests are made by test/support/schema-values. */
async function fuzzByItself(): Promise<0 | 1> {
  const startedMs = performance.now();
  const seed = Number(values.seed);
  await using engine = await startTestEngine();
  const { answers, found } = await askGenerated({
    url: engine.httpUrl,
    cases: Number(values.cases),
    seed,
    onProgress: (cases) => console.log(`${cases} cases, ${secondsSince(startedMs)} s`),
  });
  for (const line of found) console.log(line);
  const byStatus = [...answers].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  console.log(
    `Seeds from ${seed}, ${secondsSince(startedMs)} s. Answers: ${byStatus.join(", ")}. Found: ${found.length}.`,
  );
  return found.length === 0 && (await isSound(engine, engine.pid)) ? 0 : 1;
}

/** Prints what the engine's log says of errors. */
async function isSound(engine: TestEngine, pid: number): Promise<boolean> {
  const errors = errorLines(engine);
  console.log(`Errors in the engine's log: ${errors.length}.`);
  for (const line of errors.slice(0, 20)) console.log(line.slice(0, 1000));
  await engine.post("/v2/repository/models/card-fraud/load", {}); // a request may have taken it out of production
  const isAlive = engine.pid === pid && (await engine.get("/ready")).status === 200;
  console.log(isAlive ? "The engine is ready, and the process is the same." : "THE ENGINE IS NOT READY");
  return isAlive && errors.length === 0;
}

/** @returns the exit code: 1 when anything was found. */
async function fuzz(program: string): Promise<0 | 1> {
  const casesMin = Number(values.cases);
  const answers = new Map<string, number>();
  const total = (): number => [...answers.values()].reduce((sum, count) => sum + count, 0);
  const startedMs = performance.now();
  let seed = Number(values.seed);
  let found = 0;
  await using engine = await startTestEngine();
  const { pid } = engine;
  const work = async (): Promise<void> => {
    while (total() < casesMin) {
      const round = await fuzzRound({
        python: program,
        url: engine.httpUrl,
        seed: seed++,
        examples: EXAMPLES,
      });
      for (const [status, count] of Object.entries(round.answers))
        answers.set(status, (answers.get(status) ?? 0) + count);
      if (!round.isClean) found++;
      tell(round, total(), casesMin, startedMs);
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, work));
  const byStatus = [...answers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([status, count]) => `${status}: ${count}`);
  console.log(`${total()} cases in ${secondsSince(startedMs)} s. Answers: ${byStatus.join(", ")}.`);
  console.log(`Rounds that found something: ${found}.`);
  return (await isSound(engine, pid)) && found === 0 ? 0 : 1;
}

function tell(
  { seed, isClean, output }: FuzzResult,
  cases: number,
  casesMin: number,
  startedMs: number,
): void {
  console.log(`seed ${seed}: ${cases} of ${casesMin} cases, ${secondsSince(startedMs)} s`);
  if (isClean) return;
  const from = output.search(/^=+ (ERRORS|FAILURES)/m);
  console.log(output.slice(Math.max(0, from)).slice(0, SHOWN_MAX));
}

/** What a human should look at. */
function errorLines(engine: TestEngine): string[] {
  return engine.stderr.split("\n").filter((line) => line.startsWith('{"level":50'));
}

function secondsSince(startedMs: number): number {
  return Math.round((performance.now() - startedMs) / 1000);
}
