// hot path
/**
 * Distance over the earth's surface: for derived features and for preprocessing, so that both mean the same number.
 */

/** Mean radius of the earth in km (IUGG). */
const EARTH_RADIUS_KM = 6371.0088;
const RADIANS = Math.PI / 180;

/**
 * Great-circle distance of two points in degrees, km; NaN if a coordinate is. In the order of scikit-learn's
 * haversine_distances, to which degrees come as radians.
 */
export function haversineKm(
  latitudeA: number,
  longitudeA: number,
  latitudeB: number,
  longitudeB: number,
): number {
  const from = latitudeA * RADIANS;
  const to = latitudeB * RADIANS;
  const height = Math.sin((to - from) / 2);
  const side = Math.sin((longitudeB * RADIANS - longitudeA * RADIANS) / 2);
  const square = height * height + Math.cos(from) * Math.cos(to) * side * side;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(Math.min(1, square)));
}
