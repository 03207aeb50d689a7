// hot path
/**
 * Kernels over points on the earth, in degrees: the great-circle distance, and the cell of a point.
 */
import type { StepLayout } from "../core/column.ts";
import { haversineKm } from "../core/haversine.ts";
import type { StepOf } from "../core/preprocessing.ts";
import type { Frame, Kernel } from "./kernel.ts";

const DIGITS = "0123456789bcdefghjkmnpqrstuvwxyz";

/** A coordinate: a column's slot, or a constant with slot -1. */
interface Coordinate {
  readonly slot: number;
  readonly degrees: number;
}

export class HaversineKernel implements Kernel {
  readonly #coordinates: readonly [Coordinate, Coordinate, Coordinate, Coordinate];
  readonly #to: number;

  constructor(step: StepOf<"haversine_distance">, { reads, writes }: StepLayout) {
    const toCoordinate = (part: string | number): Coordinate =>
      typeof part === "number"
        ? { slot: -1, degrees: part }
        : { slot: reads.find(({ name }) => name === part)?.slot ?? -1, degrees: Number.NaN };
    const { from, to } = step;
    this.#coordinates = [
      toCoordinate(from[0]),
      toCoordinate(from[1]),
      toCoordinate(to[0]),
      toCoordinate(to[1]),
    ];
    this.#to = writes[0]?.slot ?? 0;
  }

  run({ numbers }: Frame): boolean {
    const [fromLatitude, fromLongitude, toLatitude, toLongitude] = this.#coordinates;
    numbers[this.#to] = haversineKm(
      degreesOf(fromLatitude, numbers),
      degreesOf(fromLongitude, numbers),
      degreesOf(toLatitude, numbers),
      degreesOf(toLongitude, numbers),
    );
    return true;
  }
}

function degreesOf({ slot, degrees }: Coordinate, numbers: Float64Array): number {
  return slot < 0 ? degrees : (numbers[slot] as number);
}

/** Geohash: longitude and latitude are halved in turn, five halvings a digit. */
export class GeohashKernel implements Kernel {
  readonly #latitude: number;
  readonly #longitude: number;
  readonly #precision: number;
  readonly #to: number;

  constructor(step: StepOf<"geohash">, { reads, writes }: StepLayout) {
    this.#latitude = reads[0]?.slot ?? 0;
    this.#longitude = reads[1]?.slot ?? 0;
    this.#precision = step.precision;
    this.#to = writes[0]?.slot ?? 0;
  }

  run({ numbers, texts }: Frame): boolean {
    const latitude = numbers[this.#latitude] as number;
    const longitude = numbers[this.#longitude] as number;
    const isMissing = Number.isNaN(latitude + longitude);
    texts[this.#to] = isMissing ? "" : geohashOf(latitude, longitude, this.#precision);
    return true;
  }
}

function geohashOf(latitude: number, longitude: number, precision: number): string {
  let [south, north, west, east] = [-90, 90, -180, 180];
  let cell = "";
  for (let digit = 0; digit < precision; digit++) {
    let code = 0;
    for (let bit = 0; bit < 5; bit++) {
      const isLongitude = (digit * 5 + bit) % 2 === 0;
      const middle = isLongitude ? (west + east) / 2 : (south + north) / 2;
      const isUpper = (isLongitude ? longitude : latitude) >= middle;
      code = code * 2 + (isUpper ? 1 : 0);
      if (isLongitude) [west, east] = isUpper ? [middle, east] : [west, middle];
      else [south, north] = isUpper ? [middle, north] : [south, middle];
    }
    cell += DIGITS[code];
  }
  return cell;
}
