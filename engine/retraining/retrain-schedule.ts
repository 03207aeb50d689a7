/**
 * When a schedule comes: five-field cron expressions and `@daily`, `@weekly`, `@monthly`, `@quarterly`, in a time zone.
 *
 * A time that the clocks skip in spring comes right after the gap, one that comes twice in autumn comes the first time;
 * expressions with more than one hour or minute skip and repeat instead, as in croner.
 */
import { Cron } from "croner";

export interface Schedule {
  readonly expression: string;
  /** IANA name, such as Europe/Berlin. */
  readonly time_zone: string;
}

/** Croner knows the others itself. */
const NAMES: Readonly<Record<string, string>> = {
  "@daily": "@daily",
  "@weekly": "@weekly",
  "@monthly": "@monthly",
  "@quarterly": "0 0 1 1,4,7,10 *",
};

/** The first time after `afterMs`, ms since 1970; undefined when none comes. @throws Error for what is no schedule. */
export function nextTime({ expression, time_zone: timezone }: Schedule, afterMs: number): number | undefined {
  const pattern = expression.startsWith("@") ? NAMES[expression] : expression;
  if (pattern === undefined) throw new Error(`is none of ${Object.keys(NAMES).join(", ")}`);
  const cron = new Cron(pattern, { timezone, mode: "5-part", paused: true });
  return cron.nextRun(new Date(afterMs))?.getTime();
}

/** What is wrong with the schedule, and with which field; undefined if nothing is. */
export function scheduleProblem(
  schedule: Schedule,
): { readonly field: keyof Schedule; readonly message: string } | undefined {
  if (!isTimeZone(schedule.time_zone))
    return { field: "time_zone", message: "must be an IANA time zone such as UTC or Europe/Berlin" };
  try {
    if (nextTime(schedule, 0) !== undefined) return undefined;
    return { field: "expression", message: "never comes: name a day that exists" };
  } catch (error) {
    const forms = `a cron expression of five fields such as "30 2 * * 1", or ${Object.keys(NAMES).join(", ")}`;
    return { field: "expression", message: `must be ${forms} (${(error as Error).message})` };
  }
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
