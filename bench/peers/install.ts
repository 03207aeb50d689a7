/**
 * Packages of a peer, in a folder of their own under .peers (bench itself is read by every build): a virtual environment, or node_modules.
 * Installed once for what its list of packages says; a changed list installs anew.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../../test/support/model-folder.ts";
import { readVersions } from "./package-list.ts";
import type { Peer } from "./peer.ts";
import { runCommand } from "./run-command.ts";

const LISTS = { node: "package.json", python: "requirements.txt" } as const;
const MARKER = "installed";

export interface InstalledPeer {
  /** Starts its server. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Of its packages, as they are pinned. */
  readonly versions: Readonly<Record<string, string>>;
}

/** @throws Error where its packages cannot be had. */
export async function installPeer(peer: Peer): Promise<InstalledPeer> {
  const { folder, language } = peer;
  const source = join(PROJECT, "bench/peers", folder);
  const target = await installPackages(peer);
  const versions = readVersions(readFileSync(join(source, LISTS[language]), "utf8"));
  if (language === "python")
    return { command: [join(target, "bin/python"), join(source, "server.py")], versions };
  cpSync(join(source, "server.mjs"), join(target, "server.mjs")); // imports are looked for beside it
  return { command: [process.execPath, join(target, "server.mjs")], versions };
}

/** The folder that the packages of bench/peers/<folder> are in. @throws Error where they cannot be had. */
export async function installPackages({
  name,
  folder,
  language,
}: Pick<Peer, "name" | "folder" | "language">): Promise<string> {
  const source = join(PROJECT, "bench/peers", folder);
  const target = join(PROJECT, ".peers", folder);
  const list = readFileSync(join(source, LISTS[language]), "utf8");
  const python = process.env["BENCH_PYTHON"] ?? "python3";
  const marker = join(target, MARKER);
  const wanted = createHash("sha256").update(`${python}\n${list}`).digest("hex");
  if (existsSync(marker) && readFileSync(marker, "utf8") === wanted) return target;
  console.log(`${name}: installing its packages once, which takes minutes …`);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  if (language === "python") await installPython(python, source, target);
  else await installNode(source, target);
  writeFileSync(marker, wanted);
  return target;
}

async function installPython(python: string, source: string, target: string): Promise<void> {
  await runCommand([python, "-m", "venv", target]).catch((cause: unknown) => {
    throw new Error("no virtual environment; BENCH_PYTHON names another Python than python3", { cause });
  });
  const list = join(source, LISTS.python);
  await runCommand([join(target, "bin/python"), "-m", "pip", "install", "--quiet", "-r", list]);
}

/** Installing onnxruntime-node fetches CUDA where it finds a toolkit, unless it is told not to. */
async function installNode(source: string, target: string): Promise<void> {
  cpSync(join(source, LISTS.node), join(target, LISTS.node));
  await runCommand(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", target], {
    ONNXRUNTIME_NODE_INSTALL: "skip",
  });
}
