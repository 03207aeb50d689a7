/**
 * The syntax tree of a query, from the text of EXPLAIN AST: one node a line, one space of indent a level.
 *
 * Lines look like `Function plus (alias x) (children 1)`. Names are not escaped there, so the guard refuses names
 * with line breaks before it asks for the tree. Invariant: every line becomes exactly one node, or parsing fails.
 */
import { ClickhouseError } from "./clickhouse-error.ts";

export interface TreeNode {
  readonly type: string;
  /** What follows the type, without alias and count of children. */
  readonly name: string;
  readonly children: TreeNode[];
}

/** @throws ClickhouseError 497 for anything that is not one tree. */
export function parseTree(text: string): TreeNode {
  const stack: TreeNode[] = [];
  let root: TreeNode | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const depth = line.search(/[^ ]/);
    const node = parseNode(line.slice(depth));
    if (depth < 0 || depth > stack.length || (depth === 0) !== (root === undefined)) {
      throw new ClickhouseError(497, "Not enough privileges: the query could not be checked");
    }
    stack.length = depth;
    stack.at(-1)?.children.push(node);
    stack.push(node);
    root ??= node;
  }
  if (root === undefined) throw new ClickhouseError(497, "Not enough privileges: there is no query");
  return root;
}

/** Without regular expressions over the whole line: names come from outside, and are long if they like. */
function parseNode(text: string): TreeNode {
  let rest = text.replace(/ \(children \d{1,9}\)$/, "");
  const alias = rest.endsWith(")") ? rest.indexOf(" (alias ") : -1;
  if (alias > 0) rest = rest.slice(0, alias);
  const space = rest.indexOf(" ");
  if (space < 0) return { type: rest, name: "", children: [] };
  return { type: rest.slice(0, space), name: rest.slice(space + 1), children: [] };
}

/** Visits every node, parents first. */
export function walkTree(
  root: TreeNode,
  visit: (node: TreeNode, parent: TreeNode | undefined) => void,
): void {
  const open: [TreeNode, TreeNode | undefined][] = [[root, undefined]];
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const [node, parent] = entry;
    visit(node, parent);
    for (const child of node.children) open.push([child, node]);
  }
}
