/** The checks of clients as Markdown. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../test/support/model-folder.ts";
import type { ClientCheck } from "../test/support/python-programs.ts";

export interface ProgramChecks {
  /** Of test/conformance/oip. */
  readonly program: string;
  readonly checks: readonly ClientCheck[];
}

export interface ServerChecks {
  readonly server: string;
  readonly programs: readonly ProgramChecks[];
}

const OF_DATATYPE = /^(BOOL|U?INT\d+|FP\d+|BYTES) (binary|JSON|raw|contents)$/;
const REFUSED =
  'Refused with 400 (404 for what is not there) and `{"error": text}`, over gRPC with INVALID_ARGUMENT (NOT_FOUND), and the server goes on:';
const FORM = /, (binary|JSON|raw)$/;

/** A row per program, a column of passed checks per server; the first server names the rows. */
export function clientTable(servers: readonly ServerChecks[]): string {
  const rows = (servers[0]?.programs ?? []).map(({ program, checks }) => {
    const transports = [...new Set(checks.map(({ transport }) => transport))].join(", ");
    const counts = servers.map(({ programs }) => passed(programs.find((other) => other.program === program)));
    return line([checks[0]?.client ?? "", transports, purpose(program), ...counts]);
  });
  const titles = ["client", "over", "what", ...servers.map(({ server }) => server)];
  return table(titles, rows);
}

function passed(program: ProgramChecks | undefined): string {
  const checks = program?.checks ?? [];
  return `${checks.filter(({ ok }) => ok).length} of ${checks.length}`;
}

/** The head line of the program, without the client that has a column of its own. */
function purpose(program: string): string {
  const source = readFileSync(join(PROJECT, "test/conformance/oip", `${program}.py`), "utf8");
  const [, head = ""] = /^"""(.+?)(?:\.?""")?$/m.exec(source) ?? [];
  return `${head.replace(/^tritonclient over \w+: |\.$/g, "")} (\`${program}.py\`)`;
}

/** A row per datatype, a column per client and form; empty where the client has no such form. */
export function datatypeTable(programs: readonly ProgramChecks[]): string {
  const found = programs
    .flatMap(({ checks }) => checks)
    .flatMap(({ client, transport, name, ok }) => {
      const [, datatype, form = ""] = OF_DATATYPE.exec(name) ?? [];
      if (datatype === undefined) return [];
      return [{ datatype, column: `${client.split(" ")[0]}, ${transport} ${form}`, ok }];
    });
  const columns = [...new Set(found.map(({ column }) => column))];
  const rows = [...new Set(found.map(({ datatype }) => datatype))].map((datatype) => {
    const cells = columns.map((column) => {
      const cell = found.find((one) => one.datatype === datatype && one.column === column);
      return cell === undefined ? "" : cell.ok ? "✓" : "✗";
    });
    return line([datatype, ...cells]);
  });
  return table(["datatype", ...columns], rows);
}

/** What is refused, by program; a case that was tried in several forms stands there once. */
export function refusals(programs: readonly ProgramChecks[]): string {
  const lines = programs
    .filter(({ program }) => program.endsWith("refusals"))
    .map(({ program, checks }) => {
      const cases = [...new Set(checks.map(({ name }) => name.replace(FORM, "")))];
      return `* \`${program}.py\`: ${cases.join("; ")}.`;
    });
  return [REFUSED, "", ...lines].join("\n");
}

function table(titles: readonly string[], rows: readonly string[]): string {
  return [line(titles), `|${"---|".repeat(titles.length)}`, ...rows].join("\n");
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
