/** An engine's histograms between two readings of GET /metrics: what happened meanwhile. Pure. */

export interface Counted {
  /** Upper bounds of the buckets, the last is infinite, and observations up to each. */
  readonly bounds: readonly number[];
  readonly cumulative: readonly number[];
  readonly sum: number;
}

/** All series of the histogram `name` together. */
export function readHistogram(exposition: string, name: string): Counted {
  const byBound = new Map<number, number>();
  let sum = 0;
  for (const line of exposition.split("\n")) {
    const value = Number(line.slice(line.lastIndexOf(" ") + 1));
    const bound = line.startsWith(`${name}_bucket{`) ? /\ble="([^"]+)"/.exec(line)?.[1] : undefined;
    if (bound !== undefined) {
      const upTo = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
      byBound.set(upTo, (byBound.get(upTo) ?? 0) + value);
    } else if (line.startsWith(`${name}_sum`)) sum += value;
  }
  const bounds = [...byBound.keys()].sort((a, b) => a - b);
  return { bounds, cumulative: bounds.map((bound) => byBound.get(bound) as number), sum };
}

/** What was observed after `before`; a series that was not there then began at 0. */
export function observedSince(before: Counted, after: Counted): Counted {
  const cumulative = after.cumulative.map((count, index) => count - (before.cumulative[index] ?? 0));
  return { bounds: after.bounds, cumulative, sum: after.sum - before.sum };
}

/** NaN when nothing was observed. */
export function meanOf({ cumulative, sum }: Counted): number {
  const count = cumulative.at(-1) ?? 0;
  return count === 0 ? Number.NaN : sum / count;
}

/** Within its bucket by linear interpolation, as Prometheus does it; above the last finite bound that bound. */
export function quantileOf({ bounds, cumulative }: Counted, share: number): number {
  const rank = share * (cumulative.at(-1) ?? 0);
  if (!(rank > 0)) return Number.NaN;
  const bucket = cumulative.findIndex((count) => count >= rank);
  const low = bounds[bucket - 1] ?? 0;
  const high = bounds[bucket] as number;
  if (high === Number.POSITIVE_INFINITY) return low;
  const below = cumulative[bucket - 1] ?? 0;
  return low + ((high - low) * (rank - below)) / ((cumulative[bucket] as number) - below);
}
