/** The highest rate that a server bears within a limit, by halving the interval in which it lies. */

const STEPS = 5;

export interface RateStep<T> {
  readonly rate: number;
  readonly isBorne: boolean;
  readonly result: T;
}

/**
 * @param ceiling a rate that is surely too high: that of a closed loop.
 * @param isBorne whether the limit was kept, and what was asked for was answered.
 */
export async function highestRate<T>(
  ceiling: number,
  measure: (rate: number) => Promise<T>,
  isBorne: (result: T, rate: number) => boolean,
): Promise<{ readonly rate: number; readonly steps: readonly RateStep<T>[] }> {
  const steps: RateStep<T>[] = [];
  let low = 0;
  let high = ceiling;
  for (let step = 0; step < STEPS; step++) {
    const rate = (low + high) / 2;
    const result = await measure(rate);
    const borne = isBorne(result, rate);
    steps.push({ rate, isBorne: borne, result });
    if (borne) low = rate;
    else high = rate;
  }
  return { rate: low, steps };
}
