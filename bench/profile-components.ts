/** Which part of the engine a function belongs to, by its file; the first line that fits. */

const COMPONENTS = [
  ["idle", /^\(idle\)|^atomicsWaitLoop piscina/],
  ["garbage collector", /^\(garbage collector\)/],
  ["sockets and event loop", /^\(program\)/],
  ["profiler", / node:inspector| bench\/profile-preload/],
  ["parse", /^parseJson | engine\/(predict|request-json|feature-reader)\.ts|^(handlePredict|SingleRow) /],
  ["features", / engine\/(feature-plan|batcher|batch|core\/uuid)\.ts| engine\/(features|transform)\//],
  ["answer", / engine\/prediction-json\.ts|^answer engine\/api| engine\/output-reading\.ts/],
  ["http", / engine\/api\//],
  ["metrics", / engine\/core\/metrics\.ts/],
  ["copy", / workers\/onnx-feeds\.ts|^Tensor onnxruntime/],
  ["inference", / onnxruntime-| workers\/runtime-/],
  ["handover", / piscina\/| workers\/| node:internal\/(worker|per_context\/messageport)/],
  ["log: encode", / engine\/(log-row|prediction-log|core\/row-binary)\.ts/],
  ["log: publish", / streams\/| @nats-io\/| node:(net|internal\/stream)/],
  ["dispatch", / engine\//],
] as const;

export type Component = (typeof COMPONENTS)[number][0] | "other";

/** All of them, in the order in which pages show them. */
export const COMPONENT_NAMES: readonly Component[] = [
  "sockets and event loop",
  "http",
  "parse",
  "features",
  "dispatch",
  "handover",
  "copy",
  "inference",
  "log: encode",
  "log: publish",
  "answer",
  "metrics",
  "garbage collector",
  "other",
];

/** Undefined for what says nothing of its own: native functions, Node's own. */
export function componentOf(name: string, file: string): Component | undefined {
  const text = `${name} ${file}`;
  return COMPONENTS.find(([, pattern]) => pattern.test(text))?.[0];
}
