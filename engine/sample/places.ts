/**
 * Where made-up payments happen: a place in each country, and places some way from another.
 *
 * Distances are measured by the same function as in feature sets, so that made-up and served ones agree.
 */
import { applyDerived } from "../core/derived-function.ts";
import type { SeededRandom } from "../core/seeded-random.ts";

export interface Place {
  /** Degrees. */
  readonly latitude: number;
  readonly longitude: number;
}

const KM_PER_DEGREE = 111.2;

/** A city of each country, in the order of COUNTRIES. */
export const CITIES: readonly Place[] = [
  { latitude: 39.1, longitude: -94.6 },
  { latitude: 52.5, longitude: -1.9 },
  { latitude: 50.9, longitude: 7 },
  { latitude: 48.9, longitude: 2.4 },
  { latitude: 52.1, longitude: 5.1 },
  { latitude: 40.4, longitude: -3.7 },
  { latitude: 45.5, longitude: 9.2 },
  { latitude: -23.6, longitude: -46.6 },
  { latitude: 35.7, longitude: 139.7 },
  { latitude: -33.9, longitude: 151.2 },
];

/** A place about `km` from `from`, in any direction; at most a few hundred, where the Earth is nearly flat. */
export function placeNear(random: SeededRandom, from: Place, km: number): Place {
  const direction = 2 * Math.PI * random.uniform();
  const degrees = km / KM_PER_DEGREE;
  const narrowing = Math.cos((from.latitude * Math.PI) / 180);
  return {
    latitude: toMillionth(from.latitude + degrees * Math.cos(direction)),
    longitude: toMillionth(from.longitude + (degrees * Math.sin(direction)) / narrowing),
  };
}

export function distanceKm(from: Place, to: Place): number {
  const call = { function: "distance_km", inputs: [] } as const;
  return applyDerived(call, [from.latitude, from.longitude, to.latitude, to.longitude]) ?? 0;
}

function toMillionth(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}
