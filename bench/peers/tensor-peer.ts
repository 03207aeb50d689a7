/** MLServer or Triton over model folders, with all their tensors: bench/peers/<folder>/tensors.py. */
import { join } from "node:path";
import { eventually } from "../../test/support/eventually.ts";
import { PROJECT } from "../../test/support/model-folder.ts";
import { installPackages } from "./install.ts";
import { ServerProcess } from "./server-process.ts";

const START_MS = 90_000;

export interface TensorPeer {
  readonly name: string;
  /** Of its program in bench/peers. */
  readonly folder: "mlserver" | "triton";
}

/**
 * Once it is ready.
 * @param models folders, from the project's on. @param grpcPort where gRPC is wanted.
 * @throws Error where its packages cannot be had, or it does not start.
 */
export async function startTensorPeer(
  { name, folder }: TensorPeer,
  models: readonly string[],
  grpcPort?: number,
): Promise<ServerProcess> {
  const target = await installPackages({ name, folder, language: "python" });
  const program = join(PROJECT, "bench/peers", folder, "tensors.py");
  const server = await ServerProcess.start([join(target, "bin/python"), program], {
    MODELS: models.map((path) => join(PROJECT, path)).join(":"),
    PYTHONDONTWRITEBYTECODE: "1",
    ...(grpcPort === undefined ? {} : { GRPC_PORT: String(grpcPort) }),
  });
  try {
    await eventually(`${name} is ready`, async () => isReady(server), START_MS);
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

async function isReady(server: ServerProcess): Promise<boolean> {
  if (server.ended !== undefined) throw new Error(server.ended);
  return fetch(`${server.url}/v2/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}
