import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { driftPage } from "../../../../engine/report/drift-page.ts";
import { driftPicture } from "../../../../engine/report/drift-picture.ts";
import { bySeverity } from "../../../../engine/report/drift-view.ts";
import { driftView, HOSTILE } from "../../../support/drift-answer.ts";
import { contentOf, elementsOf, parseMarkup } from "../../../support/markup.ts";
import { fixture } from "../../../support/model.ts";

const view = driftView();
const text = driftPage(view);
const page = parseMarkup(text);

describe("the page of a drift report", () => {
  it("has a picture of every column, the worst first, with a title, what changed, and the numbers as a table", () => {
    const sections = elementsOf(page, "section");
    const titles = sections.map((section) => contentOf(elementsOf(section, "h3")[0] ?? page));
    assert.equal(sections.length, view.answer.columns.length);
    assert.deepEqual(titles.slice(0, 2), ["distance_km", "amount"]);
    assert.deepEqual(titles.slice(3), ["hour", "predicted_class (output)"]);
    for (const section of sections) {
      const [svg, ...others] = elementsOf(section, "svg");
      assert.ok(svg !== undefined && others.length === 0);
      const named = ["title", "desc"].map((name) =>
        svg.children.find((child) => typeof child !== "string" && child.name === name),
      );
      const ids = named.map((element) =>
        typeof element === "object" ? element.attributes["id"] : undefined,
      );
      assert.equal(svg.attributes["aria-labelledby"], ids.join(" "));
      assert.equal(svg.attributes["role"], "img");
      const [table] = elementsOf(section, "table");
      const pairs = elementsOf(svg, "g");
      assert.equal(
        elementsOf(table ?? page, "tr").length - 1,
        pairs.length,
        "a row of the table per pair of bars",
      );
    }
    const [, amount] = sections;
    assert.match(
      contentOf(amount ?? page),
      /greatest change is in “\(0\.5, 10\]”: 40\.0 % of the rows in the reference, 10\.0 % now/,
    );
  });

  it("says model, window, verdict, incidents, what to do, and how each measure is worked out", () => {
    const all = contentOf(page);
    for (const part of [
      "Drift of card-fraud 1.0.0",
      "2026-11-20 12:00 to 2026-11-21 12:00 UTC: 2,000 predictions against 5,000 rows",
      "2 of 5 columns drift, 1 has data-quality problems",
      "amount PSI up to 0.310",
      "mend where distance_km comes from before anything else",
      "millrace retrain status card-fraud",
      "corrected PSI from 0.08, which finds shifts of 0.1; critical from 0.2, for 0.25",
      "3 of 5 windows; data quality 2 of 3",
    ])
      assert.ok(all.includes(part), part);
  });

  it("shows names and values as text, whatever is in them", () => {
    assert.ok(contentOf(page).includes(`</title><script>alert("1")</script>'&\ufffd[31m\ufffd`));
    assert.ok(!text.includes("\u001b") && !text.includes("\u202e"));
    assert.ok(!text.includes(HOSTILE.slice(8, 16)));
    assert.equal(elementsOf(page, "script").length, 0);
  });

  it("has no script, loads nothing, and forbids both", () => {
    const names = new Set<string>();
    const attributes = new Map<string, string[]>();
    const walk = (element: typeof page): void => {
      names.add(element.name);
      for (const [name, value] of Object.entries(element.attributes))
        attributes.set(name, [...(attributes.get(name) ?? []), value]);
      for (const child of element.children) if (typeof child !== "string") walk(child);
    };
    walk(page);
    for (const name of ["script", "link", "img", "iframe", "object", "embed", "use", "image", "base", "form"])
      assert.ok(!names.has(name), name);
    assert.deepEqual(
      [...attributes.keys()].filter((name) => /^on|^src$|^style$/.test(name)),
      [],
    );
    assert.ok((attributes.get("href") ?? []).every((href) => href.startsWith("#column-")));
    assert.ok(!/@import|url\(/.test(text));
    assert.ok(attributes.get("content")?.includes("default-src 'none'; style-src 'unsafe-inline'"));
    const ids = attributes.get("id") ?? [];
    assert.equal(new Set(ids).size, ids.length);
  });

  it("of a window without predictions says so", () => {
    const columns = view.answer.columns.map((column) => ({
      ...column,
      verdict: "insufficient" as const,
      bins: { ...column.bins, current: column.bins.current.map(() => 0) },
    }));
    const empty = contentOf(
      parseMarkup(driftPage(driftView({ rows: 0, verdict: "insufficient", columns }, []))),
    );
    assert.match(empty, /The window has no predictions\./);
    assert.match(empty, /ask for a longer one: millrace drift card-fraud --version 1\.0\.0 --window 7d/);
    assert.doesNotMatch(empty, /NaN|Infinity|undefined/);
  });
});

it("the picture of a column is the golden one", () => {
  const [, amount] = bySeverity(view.answer.columns);
  assert.ok(amount !== undefined);
  assert.equal(
    `${driftPicture(amount, "picture")}\n`,
    readFileSync(fixture("report/drift-picture.svg"), "utf8"),
  );
});
