/**
 * What clients of the Open Inference Protocol were tried with an engine, as the Markdown tables of test/conformance/oip/README.md:
 * `TEST_PYTHON=… node dist/bench/oip-matrix.js [url of another server] [its gRPC address] [version of its models]`.
 */
import { startTestEngine } from "../test/support/engine.ts";
import {
  CLIENT_PROGRAMS,
  type ClientAddresses,
  type ClientCheck,
  clientsPython,
  runClient,
} from "../test/support/python-programs.ts";
import { serveTensorModels } from "../test/support/tensor-models.ts";
import { progress } from "./progress.ts";

const OF_DATATYPE = /^(BOOL|U?INT\d+|FP\d+|BYTES) (binary|JSON|raw|contents)$/;

const python = clientsPython();
if (python === undefined)
  throw new Error("TEST_PYTHON must name a Python with test/conformance/oip/requirements.txt");
const [url, grpcAddress, version] = process.argv.slice(2);
const checks =
  url === undefined || grpcAddress === undefined
    ? await checkEngine(python)
    : await runAll(python, { url, grpcAddress, ...(version === undefined ? {} : { version }) });
console.log(`${clientTable(checks)}\n\n${datatypeTable(checks)}`);
for (const { client, transport, name, detail } of checks.filter(({ ok }) => !ok))
  console.error(`${client} over ${transport}: ${name}: ${detail}`);

async function checkEngine(program: string): Promise<ClientCheck[]> {
  await using engine = await startTestEngine({ sample: false });
  await serveTensorModels(engine);
  return await runAll(program, { url: engine.httpUrl, grpcAddress: engine.grpcAddress });
}

async function runAll(program: string, addresses: ClientAddresses): Promise<ClientCheck[]> {
  const all: ClientCheck[] = [];
  for (const name of Object.values(CLIENT_PROGRAMS).flat()) {
    progress(name);
    all.push(...(await runClient(program, name, addresses)));
  }
  progress("");
  return all;
}

/** A row per client and transport. */
function clientTable(all: readonly ClientCheck[]): string {
  const groupOf = ({ client, transport }: ClientCheck): string => `${client} | ${transport}`;
  const rows = [...new Set(all.map(groupOf))].map((group) => {
    const own = all.filter((check) => groupOf(check) === group);
    const passed = own.filter(({ ok }) => ok).length;
    const names = own.map(({ name }) => name).filter((name) => !OF_DATATYPE.test(name));
    return `| ${group} | ${passed} of ${own.length} | ${names.join("; ").replaceAll("|", "\\|")} |`;
  });
  return ["| client | over | checks | what, besides the datatypes |", "|---|---|---|---|", ...rows].join(
    "\n",
  );
}

/** A row per datatype, a column per client and form; empty where the client has no such form. */
function datatypeTable(all: readonly ClientCheck[]): string {
  const found = all.flatMap(({ client, transport, name, ok }) => {
    const [, datatype = "", form = ""] = OF_DATATYPE.exec(name) ?? [];
    if (datatype === "") return [];
    return [{ datatype, column: `${client.split(" ")[0]}, ${transport} ${form}`, ok }];
  });
  const columns = [...new Set(found.map(({ column }) => column))];
  const rows = [...new Set(found.map(({ datatype }) => datatype))].map((datatype) => {
    const cells = columns.map((column) => {
      const cell = found.find((one) => one.datatype === datatype && one.column === column);
      return cell === undefined ? "" : cell.ok ? "✓" : "✗";
    });
    return `| ${datatype} | ${cells.join(" | ")} |`;
  });
  return [`| datatype | ${columns.join(" | ")} |`, `|---|${"---|".repeat(columns.length)}`, ...rows].join(
    "\n",
  );
}
