/** The goal that a figure's name ends with: `… (goal ≥ 0.7)`, `(goal < 5)`, `(goal p99 ≤ 1.5 ×)`, `(goal 0)`, `(goal: near 1)`. Pure. */

export interface Goal {
  /** As it stands in the name. */
  readonly text: string;
  /** The way in which the figure is better; undefined for a goal that is no bound. */
  readonly better: "higher" | "lower" | undefined;
  readonly isMet: (value: number) => boolean | undefined;
}

const SIGNS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  "≥": (value, bound) => value >= bound,
  ">": (value, bound) => value > bound,
  "≤": (value, bound) => value <= bound,
  "<": (value, bound) => value < bound,
  "": (value, bound) => value === bound,
};

/** Undefined for a figure without a goal. A goal in words is kept, and never judged. */
export function goalOf(figure: string): Goal | undefined {
  const text = /\(goal:? *([^()]+)\)$/.exec(figure)?.[1];
  if (text === undefined) return undefined;
  const [, sign, bound] = /^(?:p99 )?([≥>≤<]?) *(-?[\d.,]*\d)(?:\/s| ×)?$/.exec(text) ?? [];
  if (sign === undefined || bound === undefined)
    return { text, better: betterBy(text), isMet: () => undefined };
  const limit = Number(bound.replaceAll(",", ""));
  return { text, better: betterBy(text), isMet: (value) => SIGNS[sign]?.(value, limit) };
}

/** Which way a figure is better, by its goal or its words `(higher is better)`; undefined for one that does not say. */
export function betterOf(figure: string): Goal["better"] {
  const said = /\((higher|lower) is better\)/.exec(figure)?.[1];
  return said === "higher" || said === "lower" ? said : goalOf(figure)?.better;
}

function betterBy(text: string): Goal["better"] {
  if (/^(p99 )?[≥>]/.test(text)) return "higher";
  return /^(p99 )?[≤<]|^0$/.test(text) ? "lower" : undefined;
}
