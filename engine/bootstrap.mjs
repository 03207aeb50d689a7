// What `npm start` and `npm test` run first: installs what is missing, builds what is stale, then runs the
// compiled script named by the first argument with the rest of the arguments. Plain JavaScript without
// dependencies, because it runs before any is installed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const natsFolder = join(root, "engine", "embedded", "nats-server");
const stamp = join(root, "node_modules", ".millrace-installed");
const sources = ["engine", "streams", "workers", "storage", "bench", "test"];

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `millrace needs Node 20.19 or newer; this is ${process.versions.node}. Install a newer one from nodejs.org.`,
  );
  process.exit(1);
}

if (!isInstalled()) install();
if (!isBuilt()) build();
const [script = "engine/cli.js", ...args] = process.argv.slice(2);
process.argv = [process.execPath, join(root, "dist", script), ...args];
await import(pathToFileURL(join(root, "dist", script)).href);

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === lockText();
}

function lockText() {
  return readFileSync(join(root, "package-lock.json"), "utf8");
}

function install() {
  console.error("millrace: installing dependencies (about a minute, once) ...");
  // `npm install --no-save` instead of `npm ci`: the lock pins every version either way, but `ci` refuses a lock
  // that was written on another platform and lacks this one's optional binaries.
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], root);
  if (process.platform === "linux" && process.arch === "x64") {
    run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], natsFolder);
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, lockText());
}

function isBuilt() {
  const info = join(root, "dist", ".tsbuildinfo");
  if (!existsSync(info) || !existsSync(join(root, "dist", "engine", "cli.js"))) return false;
  const builtMs = statSync(info).mtimeMs;
  const files = sources.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true }),
  );
  const stale = files.some(
    (file) => file.name.endsWith(".ts") && statSync(join(file.parentPath, file.name)).mtimeMs > builtMs,
  );
  return !stale && statSync(join(root, "tsconfig.json")).mtimeMs <= builtMs;
}

function build() {
  console.error("millrace: building ...");
  run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", root], root);
}

/** Runs a command in `folder` and ends this process with its status when it fails. */
function run(command, args, folder) {
  const shell = process.platform === "win32"; // npm is a .cmd file there; the arguments are constants
  const result = spawnSync(command, args, { cwd: folder, stdio: ["ignore", "inherit", "inherit"], shell });
  if (result.status === 0) return;
  console.error(`millrace: "${command} ${args[0]}" failed; the lines above say why.`);
  process.exit(result.status ?? 1);
}
