/**
 * Windows of several subjects in turn, so that a slow minute of the machine falls on all of them, until the last three of each agree. A figure
 * that does not settle is shown as one.
 */

const AGREEING = 3;
const SPREAD_MAX = 0.1;
export const ROUNDS_MAX = 8;

export interface Settled<T> {
  /** Of the last three windows, the one in the middle. */
  readonly result: T;
  readonly windows: number;
  /** (highest - lowest) / middle of the last three. */
  readonly spread: number;
}

/**
 * @param measure one window of a subject.
 * @param figure what must agree within a tenth.
 */
export async function untilSettled<S extends string, T>(
  subjects: readonly S[],
  measure: (subject: S) => Promise<T>,
  figure: (result: T) => number,
  roundsMax = ROUNDS_MAX,
): Promise<Record<S, Settled<T>>> {
  const windows = new Map<S, T[]>(subjects.map((subject) => [subject, []]));
  const settled = {} as Record<S, Settled<T>>;
  for (let round = 1; round <= roundsMax && windows.size > 0; round++)
    for (const [subject, results] of windows) {
      results.push(await measure(subject));
      const last = middleOf(results, figure);
      if (last === undefined) continue;
      settled[subject] = last;
      if (last.spread <= SPREAD_MAX) windows.delete(subject);
    }
  return settled;
}

/** Whether three windows agree. */
export function isSettled({ spread }: Settled<unknown>): boolean {
  return spread <= SPREAD_MAX;
}

function middleOf<T>(results: readonly T[], figure: (result: T) => number): Settled<T> | undefined {
  if (results.length < AGREEING) return undefined;
  const last = results.slice(-AGREEING).sort((a, b) => figure(a) - figure(b)) as [T, T, T];
  const [lowest, middle, highest] = last.map(figure) as [number, number, number];
  return { result: last[1], windows: results.length, spread: (highest - lowest) / middle };
}
