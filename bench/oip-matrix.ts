/**
 * What clients of the Open Inference Protocol were tried with, as the Markdown tables of test/conformance/oip/README.md: the programs of that
 * folder against an engine, and with --triton against Triton too. `TEST_PYTHON=… node dist/bench/oip-matrix.js [--triton]`.
 */
import { startTestEngine } from "../test/support/engine.ts";
import {
  CLIENT_PROGRAMS,
  type ClientAddresses,
  type ClientCheck,
  clientsPython,
  runClient,
} from "../test/support/python-programs.ts";
import { serveTensorModels, TENSOR_MODEL_FOLDERS } from "../test/support/tensor-models.ts";
import { clientTable, datatypeTable, type ProgramChecks, refusals, type ServerChecks } from "./oip-tables.ts";
import { freePort } from "./peers/server-process.ts";
import { startTensorPeer, type TensorPeer } from "./peers/tensor-peer.ts";
import { progress } from "./progress.ts";

const TRITON: TensorPeer = { name: "Triton 2.51", folder: "triton" };

const python = clientsPython();
if (python === undefined)
  throw new Error("TEST_PYTHON must name a Python with test/conformance/oip/requirements.txt");
const engine = await checkEngine(python);
const servers: ServerChecks[] = [{ server: "Millrace", programs: engine }];
if (process.argv.includes("--triton"))
  servers.push({ server: TRITON.name, programs: await checkTriton(python) });
console.log([clientTable(servers), datatypeTable(engine), refusals(engine)].join("\n\n"));
for (const { client, transport, name, detail } of failed(engine))
  console.error(`${client} over ${transport}: ${name}: ${detail}`);

function failed(programs: readonly ProgramChecks[]): ClientCheck[] {
  return programs.flatMap(({ checks }) => checks.filter(({ ok }) => !ok));
}

async function checkEngine(program: string): Promise<ProgramChecks[]> {
  await using served = await startTestEngine({ sample: false });
  await serveTensorModels(served);
  return await runAll(program, { url: served.httpUrl, grpcAddress: served.grpcAddress });
}

/** Its versions of models are whole numbers. */
async function checkTriton(program: string): Promise<ProgramChecks[]> {
  const grpcPort = await freePort();
  await using served = await startTensorPeer(TRITON, TENSOR_MODEL_FOLDERS, grpcPort);
  return await runAll(program, { url: served.url, grpcAddress: `127.0.0.1:${grpcPort}`, version: "1" });
}

async function runAll(runner: string, addresses: ClientAddresses): Promise<ProgramChecks[]> {
  const programs: ProgramChecks[] = [];
  for (const program of Object.values(CLIENT_PROGRAMS).flat()) {
    progress(`${addresses.url}: ${program}`);
    programs.push({ program, checks: await runClient(runner, program, addresses) });
  }
  progress("");
  return programs;
}
