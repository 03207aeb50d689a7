/** The engine's version, from package.json. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("../../package.json", import.meta.url));

export const VERSION = (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
