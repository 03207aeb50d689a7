/**
 * Loads TensorFlow.js, once a thread and only when the first such model comes.
 *
 * The fastest backend that works is taken: native TensorFlow if @tensorflow/tfjs-node is installed, else
 * WebAssembly from the installed package (one thread, nothing fetched), else plain JavaScript.
 */
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import type * as converterModule from "@tensorflow/tfjs-converter";
import type * as coreModule from "@tensorflow/tfjs-core";
import type * as layersModule from "@tensorflow/tfjs-layers";

export interface Tfjs {
  readonly core: typeof coreModule;
  readonly layers: typeof layersModule;
  readonly converter: typeof converterModule;
  readonly backend: string;
}

/** Not a literal, because the package is optional and may have no types to resolve. */
const NATIVE_PACKAGE: string = "@tensorflow/tfjs-node";

/** The WebAssembly glue listens to these and rethrows, which would take the process's own handling away. */
const CRASH_EVENTS = ["uncaughtException", "unhandledRejection"] as const;

let loading: Promise<Tfjs> | undefined;

export function loadTfjs(): Promise<Tfjs> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Tfjs> {
  const core = await import("@tensorflow/tfjs-core");
  const layers = await import("@tensorflow/tfjs-layers");
  const converter = await import("@tensorflow/tfjs-converter");
  const backend =
    (await tryBackend(core, "tensorflow", () => import(NATIVE_PACKAGE))) ??
    (await tryBackend(core, "wasm", prepareWasm)) ??
    (await tryBackend(core, "cpu", () => import("@tensorflow/tfjs-backend-cpu")));
  if (backend === undefined) throw new Error("TensorFlow.js has no backend that works here");
  return { core, layers, converter, backend };
}

/** The name of the backend if it can be used; a missing or broken one is no error while another is left. */
async function tryBackend(
  core: Tfjs["core"],
  name: string,
  register: () => Promise<unknown>,
): Promise<string | undefined> {
  const listeners = new Map(
    CRASH_EVENTS.map((event) => [event, new Set(process.listeners(event as "exit"))]),
  );
  try {
    await register();
    return (await core.setBackend(name)) ? name : undefined;
  } catch {
    return undefined;
  } finally {
    for (const [event, before] of listeners) {
      for (const listener of process.listeners(event as "exit")) {
        if (!before.has(listener)) process.removeListener(event, listener);
      }
    }
  }
}

async function prepareWasm(): Promise<void> {
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  const main = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(join(dirname(main), "..", "wasm-out") + sep);
  wasm.setThreadsCount(1);
}
