/**
 * Which streaming detectors read a model's scores or errors, and with which options: `[{ "kind": "page_hinkley", "threshold": 100 }]`.
 *
 * By default Page-Hinkley alone, of errors only when they grow: in units of the scores' own deviation it is as rarely wrong on any scale, and its allowance
 * keeps it from finding what is too small to matter. ADWIN takes scores of 0 to 1 unless told its `range`, and finds any
 * shift, however small, once there are values enough; KSWIN is for changes of shape. Figures in DECISIONS.
 */
import { z } from "zod";
import { EngineError } from "../../core/errors.ts";
import { Adwin } from "./adwin.ts";
import type { DriftDetector } from "./drift-detector.ts";
import { Kswin } from "./kswin.ts";
import { PageHinkley } from "./page-hinkley.ts";

export const DETECTOR_KINDS = ["adwin", "kswin", "page_hinkley"] as const;
export type DetectorKind = (typeof DETECTOR_KINDS)[number];

/** As somebody writes them, defaults filled in: the kind, and beside it the options of that kind. */
export interface DetectorSettings {
  readonly kind: DetectorKind;
  readonly [option: string]: unknown;
}

interface DetectorMaker {
  /** @throws EngineError INVALID_REQUEST naming the option. */
  readonly create: (options: object) => DriftDetector;
  /** @throws EngineError INVALID_REQUEST for a state that is none. */
  readonly restore: (state: unknown) => DriftDetector;
}

export const DETECTORS: Readonly<Record<DetectorKind, DetectorMaker>> = {
  adwin: { create: (options) => new Adwin(options), restore: Adwin.restore },
  kswin: { create: (options) => new Kswin(options), restore: Kswin.restore },
  page_hinkley: { create: (options) => new PageHinkley(options), restore: PageHinkley.restore },
};

export const detectorList = z
  .array(z.looseObject({ kind: z.enum(DETECTOR_KINDS) }))
  .refine((list) => new Set(list.map(({ kind }) => kind)).size === list.length, "names a kind twice");

/** What reads what, unless told. */
const USUAL = {
  detectors: [{ kind: "page_hinkley" }],
  error_detectors: [{ kind: "page_hinkley", direction: "up" }],
} as const satisfies Readonly<Record<string, readonly DetectorSettings[]>>;

/**
 * Settings as somebody wrote them; undefined for the default, an empty list for none.
 * @param field name of the setting.
 * @throws EngineError INVALID_REQUEST with one detail per wrong or unknown field.
 */
export function parseDetectorSettings(json: unknown, field: keyof typeof USUAL): DetectorSettings[] {
  const result = detectorList.safeParse(json === undefined ? USUAL[field] : json);
  if (result.success) return result.data.map((one, index) => withDefaults(one, `${field}.${index}`));
  throw refused(
    result.error.issues
      .slice(0, 20)
      .map(({ path, message }) => ({ field: [field, ...path].join("."), message })),
  );
}

function withDefaults({ kind, ...given }: DetectorSettings, place: string): DetectorSettings {
  try {
    const { options } = DETECTORS[kind].create(given).toJSON();
    return { kind, ...options };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw refused(error.details.map(({ field, message }) => ({ field: `${place}.${field}`, message })));
  }
}

function refused(details: readonly { readonly field: string; readonly message: string }[]): EngineError {
  const [first] = details;
  return new EngineError("INVALID_REQUEST", `monitor settings: ${first?.field}: ${first?.message}`, {
    details,
  });
}
