// hot path
/**
 * Parts of a point in time, in UTC: for derived features and for preprocessing, so that both mean the same numbers.
 */

const DAY_MS = 86_400_000;

/** Monday is day_of_week 0, as in Python. epoch_days has a fraction. */
export const TIME_PARTS = [
  "year",
  "month",
  "day_of_month",
  "day_of_week",
  "day_of_year",
  "is_weekend",
  "hour",
  "minute",
  "second",
  "epoch_days",
] as const;
export type TimePart = (typeof TIME_PARTS)[number];

/** The part of the date; NaN of an invalid one, but for is_weekend. */
export function timePartOf(date: Date, part: TimePart): number {
  switch (part) {
    case "year":
      return date.getUTCFullYear();
    case "month":
      return date.getUTCMonth() + 1;
    case "day_of_month":
      return date.getUTCDate();
    case "day_of_week":
      return (date.getUTCDay() + 6) % 7;
    case "day_of_year":
      return Math.floor(date.getTime() / DAY_MS) - Date.UTC(date.getUTCFullYear(), 0, 1) / DAY_MS + 1;
    case "is_weekend":
      return date.getUTCDay() % 6 === 0 ? 1 : 0;
    case "hour":
      return date.getUTCHours();
    case "minute":
      return date.getUTCMinutes();
    case "second":
      return date.getUTCSeconds();
    case "epoch_days":
      return date.getTime() / DAY_MS;
  }
}
