/**
 * CPU profiles as V8 samples them: time by function and by component of the engine. Pure.
 *
 * What is native (no file) and what is Node's own counts for the nearest caller that has a component.
 */
import { type Component, componentOf } from "./profile-components.ts";

/** What `Profiler.stop` gives, as far as it is used. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Ids of the nodes that were seen, and the µs since the one before. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

export interface ThreadProfile {
  readonly threadId: number;
  readonly profile: CpuProfile;
}

/** A function where it was called from; times in µs, `value` with all that it calls. */
export interface Frame {
  readonly name: string;
  readonly file: string;
  readonly component: Component;
  self: number;
  value: number;
  readonly children: Frame[];
}

/** The calls of a thread from its root; calls of one function from one place are one frame. */
export function toFrames({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const selfOf = new Map<number, number>();
  for (const [index, id] of samples.entries())
    selfOf.set(id, (selfOf.get(id) ?? 0) + Math.max(0, timeDeltas[index + 1] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const called = new Set(nodes.flatMap(({ children = [] }) => children));
  const root = frameOf("(root)", "", "other");
  for (const node of nodes) if (!called.has(node.id)) join(root, node, byId, selfOf);
  return root;
}

function join(
  frame: Frame,
  node: ProfileNode,
  byId: ReadonlyMap<number, ProfileNode>,
  selfOf: ReadonlyMap<number, number>,
): void {
  const self = selfOf.get(node.id) ?? 0;
  frame.self += self;
  frame.value += self;
  for (const id of node.children ?? []) {
    const child = byId.get(id) as ProfileNode;
    const { functionName, url } = child.callFrame;
    const name = functionName || "(anonymous)";
    const file = fileOf(url);
    let joined = frame.children.find((one) => one.name === name && one.file === file);
    if (joined === undefined) {
      joined = frameOf(name, file, componentOf(name, file) ?? frame.component);
      frame.children.push(joined);
    }
    const before = joined.value;
    join(joined, child, byId, selfOf);
    frame.value += joined.value - before;
  }
}

function frameOf(name: string, file: string, component: Component): Frame {
  return { name, file, component, self: 0, value: 0, children: [] };
}

/** `engine/api/exchange.ts`, `piscina/dist/index.js`, `node:net`; empty for native code. */
function fileOf(url: string): string {
  const installed = /\/node_modules\/(.+)$/.exec(url)?.[1];
  if (installed !== undefined) return installed;
  const own = /\/dist\/(.+)\.js$/.exec(url)?.[1];
  return own === undefined ? url : `${own}.ts`;
}

/** Self time by component, µs. */
export function byComponent(roots: readonly Frame[]): Map<Component, number> {
  const sums = new Map<Component, number>();
  for (const { component, self } of roots.flatMap(allOf))
    sums.set(component, (sums.get(component) ?? 0) + self);
  return sums;
}

export interface FunctionTime {
  readonly name: string;
  /** Of a native function: the file that it is called from. */
  readonly file: string;
  readonly component: Component;
  readonly self: number;
}

/** The functions that are not idle, the costliest first. */
export function byFunction(roots: readonly Frame[]): FunctionTime[] {
  const sums = new Map<string, FunctionTime>();
  const visit = (frame: Frame, caller: string): void => {
    const { name, component } = frame;
    const file = frame.file === "" ? caller : frame.file;
    const key = `${name} ${file} ${component}`;
    const self = (sums.get(key)?.self ?? 0) + frame.self;
    const shown = frame.file === "" && !name.startsWith("(") ? `${name} (native)` : name;
    sums.set(key, { name: shown, file, component, self });
    for (const child of frame.children) visit(child, file);
  };
  for (const root of roots) visit(root, "");
  return [...sums.values()]
    .filter(({ component, self }) => component !== "idle" && self > 0)
    .sort((a, b) => b.self - a.self);
}

function allOf(frame: Frame): Frame[] {
  return [frame, ...frame.children.flatMap(allOf)];
}
