/** Programs of test/conformance/oip, run with whatever Python TEST_PYTHON names. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { PROJECT } from "./model-folder.ts";

const FOLDER = join(PROJECT, "test/conformance/oip");
const TIMEOUT_MS = 180_000;
const PACKAGES = [
  "tritonclient",
  "open-inference-openapi",
  "open-inference-grpc",
  "pydantic-open-inference",
  "kserve",
];
const FIND = "import importlib.metadata, sys; [importlib.metadata.version(name) for name in sys.argv[1:]]";

/** Programs by what they show. */
export const CLIENT_PROGRAMS = {
  "tritonclient over HTTP": [
    "triton_http_service",
    "triton_http_infer",
    "triton_http_datatypes",
    "triton_http_refusals",
    "triton_http_repository",
  ],
  "tritonclient over gRPC": ["triton_grpc_service", "triton_grpc_infer", "triton_grpc_refusals"],
  "tritonclient's asyncio clients": ["triton_aio"],
  "the client generated from the protocol's OpenAPI file": ["open_inference_openapi"],
  "the gRPC stubs of the protocol's working group": ["open_inference_grpc"],
  "KServe's clients": ["kserve_rest", "kserve_grpc"],
  "pydantic-open-inference": ["pydantic_client"],
  "JSON answers and the protocol's OpenAPI file": ["json_answers"],
  "bytes that no client would send": ["http_bytes_infer", "http_bytes_refusals"],
} as const;

export interface ClientCheck {
  /** Package and version. */
  readonly client: string;
  readonly transport: "HTTP" | "gRPC";
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface ClientAddresses {
  readonly url: string;
  readonly grpcAddress: string;
  /** Of every model; unset: the fixtures' own. */
  readonly version?: string;
}

/** Of a Python with test/conformance/oip/requirements.txt; undefined where TEST_PYTHON names none. */
export function clientsPython(): string | undefined {
  const python = process.env["TEST_PYTHON"];
  if (python === undefined) return undefined;
  return spawnSync(python, ["-c", FIND, ...PACKAGES, "jsonschema"]).status === 0 ? python : undefined;
}

/** Its checks in their order. @throws Error when it ends before its end. @param program without ".py". */
export async function runClient(
  python: string,
  program: string,
  { url, grpcAddress, version = "1.0.0" }: ClientAddresses,
): Promise<ClientCheck[]> {
  const args = [
    join(FOLDER, `${program}.py`),
    "--url",
    url,
    "--grpc-address",
    grpcAddress,
    "--version",
    version,
  ];
  const child = spawn(python, args, {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const checks = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ClientCheck);
  const isWhole = code === (checks.every(({ ok }) => ok) ? 0 : 1) && checks.length > 0;
  if (!isWhole) throw new Error(`${program} ended with ${code}: ${stderr.slice(-2000)}`);
  return checks;
}
