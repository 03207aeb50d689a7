import type { Runtime } from "./runtime.ts";
export declare const tfjsRuntime: Runtime;
