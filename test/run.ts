/**
 * What `npm test` runs: node's test runner over the compiled tests, suite after suite.
 *
 * `npm test` runs all suites; `npm test -- unit conformance` only those. A real redis-server is installed with apt
 * when it is missing and this is root on Debian; elsewhere the tests that need one skip and say so.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SUITES = ["unit", "conformance", "integration", "integrity"] as const;
const here = dirname(fileURLToPath(import.meta.url));

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !SUITES.some((suite) => suite === name));
if (unknown.length > 0) {
  console.error(`there is no suite ${unknown.join(", ")}; the suites are ${SUITES.join(", ")}`);
  process.exit(1);
}

ensureRedis();
const files = SUITES.filter((suite) => asked.length === 0 || asked.includes(suite)).flatMap(testsOf);
// Two files at a time, and few enough servers at once for two cores. A file that does not end fails by its name.
const result = spawnSync(
  process.execPath,
  ["--test", "--test-concurrency=2", "--test-timeout=600000", "--test-reporter=spec", ...files],
  { stdio: "inherit" },
);
process.exit(result.status ?? 1);

function testsOf(suite: string): string[] {
  const folder = join(here, suite);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.name.endsWith(".test.js"))
    .map((file) => join(file.parentPath, file.name))
    .sort();
}

function ensureRedis(): void {
  if (spawnSync("redis-server", ["--version"]).status === 0) return;
  const isRootOnDebian = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
  if (!isRootOnDebian) {
    console.error(
      "redis-server is not on PATH: tests that need it are skipped (Debian: apt-get install redis-server)",
    );
    return;
  }
  console.error("installing redis-server with apt-get ...");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore", env });
  const installed = spawnSync(
    "apt-get",
    ["install", "-y", "-qq", "--no-install-recommends", "redis-server"],
    { stdio: "ignore", env },
  );
  if (installed.status !== 0)
    console.error("redis-server could not be installed: tests that need it are skipped");
}
