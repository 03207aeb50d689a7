/**
 * The name that somebody probably meant: the one with the fewest changed letters (Levenshtein distance), case aside.
 */

/** Undefined when no name is close: more than about a third of the letters would have to change. */
export function nearestName(wanted: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Math.round(Math.max(wanted.length, 3) / 3) + 1;
  for (const name of names) {
    const changes = changesBetween(wanted.toLowerCase(), name.toLowerCase());
    if (changes >= least) continue;
    least = changes;
    nearest = name;
  }
  return nearest;
}

/** What an error says of a name that is not there. */
export function unknownName(wanted: string, names: readonly string[]): string {
  const nearest = nearestName(wanted, names);
  if (nearest !== undefined) return `there is no "${wanted}"; did you mean "${nearest}"?`;
  const more = names.length > 10 ? ` and ${names.length - 10} more` : "";
  return `there is no "${wanted}"; there are ${names.slice(0, 10).join(", ")}${more}`;
}

/** Letters that are inserted, left out or replaced: row by row of the table of prefixes. */
function changesBetween(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row++) {
    const here = [row];
    for (let at = 1; at <= other.length; at++) {
      const replaced = (above[at - 1] as number) + (one[row - 1] === other[at - 1] ? 0 : 1);
      here.push(Math.min(replaced, (above[at] as number) + 1, (here[at - 1] as number) + 1));
    }
    above = here;
  }
  return above[other.length] as number;
}
