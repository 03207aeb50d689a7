import type { Runtime } from "./runtime.ts";
export declare const onnxRuntime: Runtime;
