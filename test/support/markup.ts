/** Reads well-formed markup, as far as tests of pages need it: tags that close, and what they hold. */
import assert from "node:assert/strict";

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (Element | string)[];
}

const TOKEN = /<!DOCTYPE html>|<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z][\w-]*="[^"<]*")*)\s*(\/?)>|[^<]+/gy;

/** @throws AssertionError where it is not well-formed as XML is. */
export function parseMarkup(text: string): Element {
  const root = { name: "", attributes: {}, children: [] as (Element | string)[] };
  const open = [root];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    assert.equal(match.index, at, `markup breaks at: ${text.slice(at, at + 60)}`);
    at += match[0].length;
    const [token, isEnd, name, attributes = "", isEmpty] = match;
    if (name === undefined) {
      if (!token.startsWith("<!")) open.at(-1)?.children.push(textOf(token));
    } else if (isEnd === "/") assert.equal(open.pop()?.name, name);
    else {
      const pairs = [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)];
      const values = pairs.map(([, key = "", value = ""]): [string, string] => [key, textOf(value)]);
      const element = { name, attributes: Object.fromEntries(values), children: [] };
      assert.equal(values.length, Object.keys(element.attributes).length, `doubled attribute: ${token}`);
      open.at(-1)?.children.push(element);
      if (isEmpty !== "/") open.push(element);
    }
  }
  assert.equal(at, text.length, `markup breaks at: ${text.slice(at, at + 60)}`);
  assert.equal(open.length, 1, `${open.at(-1)?.name} is not closed`);
  return root;
}

export function elementsOf(root: Element, name: string): Element[] {
  return root.children.flatMap((child) =>
    typeof child === "string" ? [] : [...(child.name === name ? [child] : []), ...elementsOf(child, name)],
  );
}

/** All text within. */
export function contentOf(element: Element): string {
  return element.children.map((child) => (typeof child === "string" ? child : contentOf(child))).join("");
}

function textOf(raw: string): string {
  const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#160": " " };
  return raw.replaceAll(/&([^;]*);?/g, (whole, name: string) => {
    const character = whole.endsWith(";") ? named[name] : undefined;
    assert.ok(character !== undefined, `${whole} is no reference`);
    return character;
  });
}
