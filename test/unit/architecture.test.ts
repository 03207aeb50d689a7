/**
 * The architecture, enforced: who may import whom (types included), no cycles, no long files, no barrels.
 *
 * Imports are read from the source text, so that type imports, which leave no trace in the compiled code, count too.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, it } from "node:test";
import { PROJECT } from "../support/model-folder.ts";

const FOLDERS = ["engine", "storage", "workers", "streams", "bench", "test"];
const LINES_MAX = 400;

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

/** Who a file may import from. The first rule that fits the file counts. */
interface Rule {
  readonly files: RegExp;
  /** What it may import values from, beside its own folder's files if `own`. */
  readonly values: RegExp;
  /** What it may import types from, beside that. */
  readonly types?: RegExp;
}

const RULES: readonly Rule[] = [
  { files: /^engine\/core\//, values: /^engine\/core\// },
  { files: /^storage\//, values: /^(engine\/core|storage)\// },
  { files: /^workers\//, values: /^(engine\/core|workers)\// },
  { files: /^streams\//, values: /^(engine\/core|streams)\// },
  { files: /^engine\/transform\//, values: /^engine\/(core|transform)\// },
  { files: /^engine\/client\//, values: /^engine\/(core|client)\//, types: /^engine\/contract\// },
  { files: /^engine\/embedded\//, values: /^engine\/(core|embedded)\// },
  { files: /^engine\/cli-bench\.ts$/, values: /^(engine|bench)\// },
  { files: /^engine\/(app|cli)(-[\w-]+)?\.ts$/, values: /^(engine|storage|workers|streams)\// },
  { files: /^engine\/demo\//, values: /^engine\/(core|demo|monitor|sample)\// },
  { files: /^engine\/sample\//, values: /^(engine\/(core|sample)|storage|workers)\// },
  {
    files: /^engine\/api\//,
    values: /^engine\/(?!embedded\/|app|cli|sample\/)/,
    types: /^(storage|workers|streams)\//,
  },
  {
    files: /^engine\//,
    values: /^engine\/(?!embedded\/|api\/|app|cli|sample\/)/,
    types: /^(storage|workers|streams)\//,
  },
  { files: /^(bench|test)\//, values: /^/ },
];

const files = FOLDERS.filter((folder) => existsSync(join(PROJECT, folder))).flatMap((folder) =>
  readdirSync(join(PROJECT, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`),
);
const sources = new Map(files.map((file) => [file, readFileSync(join(PROJECT, file), "utf8")]));
const imports = files.flatMap(importsOf);

/** Static, re-exporting, type-only and dynamic imports of project files. */
function importsOf(file: string): Import[] {
  const text = withoutComments(sources.get(file) ?? "");
  const found = text.matchAll(
    /(?:^|[;}\n])\s*(?:import|export)\s+(type\s+)?(?:[\w*{][^"';]*?from\s*)?["'](\.[^"']+)["']|(typeof\s+)?\bimport\(\s*["'](\.[^"']+)["']\s*\)/g,
  );
  return [...found].map(([whole, type, path, typeOf, dynamic]) => ({
    from: file,
    to: relative(PROJECT, join(PROJECT, dirname(file), path ?? dynamic ?? "")).replaceAll("\\", "/"),
    isType: type !== undefined || typeOf !== undefined || hasOnlyTypes(whole),
  }));
}

/** `import { type A, type B } from` imports no value. */
function hasOnlyTypes(statement: string): boolean {
  const names = /^[^{]*import\s*\{([^}]*)\}/.exec(statement)?.[1];
  return names !== undefined && names.split(",").every((name) => /^\s*(type\s|$)/.test(name));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
}

function violation({ from, to, isType }: Import): string | undefined {
  const rule = RULES.find((candidate) => candidate.files.test(from));
  if (rule === undefined) return `${from} is in no known folder`;
  if (rule.values.test(to) || (isType && rule.types?.test(to) === true)) return undefined;
  return `${from} must not import ${isType ? "types" : "values"} from ${to}`;
}

/** The first cycle found from `start`, or undefined. */
function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const next of edges.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of edges.keys()) {
    const cycle = visit(file);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

describe("architecture", () => {
  it("is read whole: every import leads to a file that exists", () => {
    assert.ok(imports.length > 200, `${imports.length} imports were found`);
    assert.ok(imports.some(({ isType }) => isType));
    const missing = imports.filter(({ to }) => !sources.has(to) && !to.endsWith(".js"));
    assert.deepEqual(missing, []);
  });

  it("imports run one way, those of types included", () => {
    assert.deepEqual(
      imports.map(violation).filter((found) => found !== undefined),
      [],
    );
  });

  it("would notice a wrong import", () => {
    const wrong: Import[] = [
      { from: "engine/core/a.ts", to: "engine/batch.ts", isType: true },
      { from: "storage/a.ts", to: "streams/b.ts", isType: true },
      { from: "workers/a.ts", to: "engine/batch.ts", isType: true },
      { from: "engine/sink.ts", to: "storage/a.ts", isType: false },
      { from: "engine/sink.ts", to: "engine/api/b.ts", isType: true },
      { from: "engine/api/a.ts", to: "workers/pool.ts", isType: false },
      { from: "engine/api/a.ts", to: "engine/app-http.ts", isType: true },
      { from: "engine/transform/a.ts", to: "engine/batch.ts", isType: true },
      { from: "engine/client/a.ts", to: "engine/contract/b.ts", isType: false },
      { from: "engine/client/a.ts", to: "engine/batch.ts", isType: true },
      { from: "engine/embedded/a.ts", to: "engine/batch.ts", isType: true },
    ];
    for (const one of wrong) assert.ok(violation(one) !== undefined, JSON.stringify(one));
  });

  it("has no import cycles, those of types included", () => {
    const edges = new Map(
      files.map((file) => [file, imports.filter(({ from }) => from === file).map(({ to }) => to)]),
    );
    assert.equal(findCycle(edges), undefined);
    assert.deepEqual(
      findCycle(
        new Map([
          ["a", ["b"]],
          ["b", ["c"]],
          ["c", ["b"]],
        ]),
      ),
      ["b", "c", "b"],
    );
  });

  it("has no file that is too long", () => {
    const long = files.filter((file) => (sources.get(file) ?? "").split("\n").length - 1 > LINES_MAX);
    assert.deepEqual(long, []);
  });

  it("has no barrels, no default exports and no re-exports", () => {
    assert.deepEqual(
      files.filter((file) => /(^|\/)index\.ts$/.test(file)),
      [],
    );
    const exporting = files.filter((file) =>
      /^\s*export\s+(default\b|\*|\{[^}]*\}\s*from\b|type\s*\{[^}]*\}\s*from\b)/m.test(
        withoutComments(sources.get(file) ?? ""),
      ),
    );
    assert.deepEqual(exporting, []);
  });
});
