/**
 * Feeds values to streaming detectors whose states lie in JSON between two parts of the stream.
 *
 * Pure: the same states, settings and values give the same states and alarms, to the bit, however the stream is cut into
 * parts. A detector whose options have changed, or whose state is none that this program made, starts anew.
 * Bound: the states of drift-detector, one a kind.
 */
import { toCanonicalJson } from "../../core/canonical-json.ts";
import { EngineError } from "../../core/errors.ts";
import { DETECTORS, type DetectorKind, type DetectorSettings } from "./detector-settings.ts";
import type { DriftDetector } from "./drift-detector.ts";

/** As toJSON of the detectors makes them, by kind. */
export type DetectorStates = Readonly<Partial<Record<DetectorKind, unknown>>>;

export interface DetectorAlarm {
  readonly detector: DetectorKind;
  /** Place among the values of the one at which drift was found. */
  readonly index: number;
}

export interface FedDetectors {
  readonly states: DetectorStates;
  /** In the order of the values. */
  readonly alarms: readonly DetectorAlarm[];
}

/**
 * @param states those after the values before; {} for none.
 * @throws EngineError INVALID_REQUEST for a value that is no finite number.
 */
export function feedDetectors(
  states: DetectorStates,
  settings: readonly DetectorSettings[],
  values: ArrayLike<number>,
): FedDetectors {
  const next: Partial<Record<DetectorKind, unknown>> = {};
  const alarms: DetectorAlarm[] = [];
  for (const one of settings) {
    const detector = resume(one, states[one.kind]);
    for (let index = 0; index < values.length; index++)
      if (detector.update(values[index] as number)) alarms.push({ detector: one.kind, index });
    next[one.kind] = detector.toJSON();
  }
  return { states: next, alarms: alarms.sort((a, b) => a.index - b.index) };
}

function resume({ kind, ...options }: DetectorSettings, state: unknown): DriftDetector {
  const { create, restore } = DETECTORS[kind];
  const known = (state as { readonly options?: unknown } | undefined)?.options;
  if (toCanonicalJson(known ?? null) !== toCanonicalJson(options)) return create(options);
  try {
    return restore(state);
  } catch (error) {
    if (error instanceof EngineError) return create(options);
    throw error;
  }
}
