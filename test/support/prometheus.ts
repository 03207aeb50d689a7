/**
 * A small reader of Prometheus' text format 0.0.4 that is stricter than Prometheus: everything must be declared, and
 * histograms must add up.
 */
import assert from "node:assert/strict";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)/gy;

/** All samples of an exposition. Fails on a line that is none, an undeclared family and a sample given twice. */
export function parseMetrics(text: string): Sample[] {
  assert.ok(text.endsWith("\n"), "the exposition ends with a line end");
  const types = new Map<string, string>();
  const seen = new Set<string>();
  const samples: Sample[] = [];
  for (const line of text.slice(0, -1).split("\n")) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) types.set(type[1] ?? "", type[2] ?? "");
    if (line.startsWith("# ")) continue;
    const [, name = "", labelText = "", value = ""] = SAMPLE.exec(line) ?? assert.fail(`no sample: ${line}`);
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    assert.ok(types.has(family), `${name} has a type`);
    const key = `${name}{${labelText}}`;
    assert.ok(!seen.has(key), `${key} is there once`);
    seen.add(key);
    const number = Number(value);
    assert.ok(Number.isFinite(number), `${key} is a number`);
    samples.push({ name, labels: parseLabels(labelText), value: number });
  }
  return samples;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let length = 0;
  for (const [whole, name = "", value = ""] of text.matchAll(LABEL)) {
    labels[name] = value.replaceAll('\\"', '"').replaceAll("\\n", "\n").replaceAll("\\\\", "\\");
    length += whole.length;
  }
  assert.equal(length, text.length, `labels are well formed: ${text}`);
  return labels;
}

/** The value of the one sample with this name and at least these labels. */
export function sampleOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const found = samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  assert.equal(found.length, 1, `there is one ${name} ${JSON.stringify(labels)}`);
  return found[0]?.value ?? Number.NaN;
}

/** Checks one histogram's buckets and returns its count. */
export function checkHistogram(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number {
  const buckets = samples.filter(
    (sample) =>
      sample.name === `${name}_bucket` &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  const bounds = buckets.map(({ labels: { le } }) => (le === "+Inf" ? Infinity : Number(le)));
  assert.deepEqual(
    bounds,
    bounds.toSorted((a, b) => a - b),
  );
  assert.equal(bounds.at(-1), Infinity);
  const counts = buckets.map(({ value }) => value);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
  const count = sampleOf(samples, `${name}_count`, labels);
  assert.equal(counts.at(-1), count);
  assert.ok(sampleOf(samples, `${name}_sum`, labels) >= 0);
  return count;
}
