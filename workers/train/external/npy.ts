/**
 * Files of NumPy's .npy format, version 1.0: magic, length of the header, a header that ends on a multiple of 64 bytes, then the
 * numbers, little-endian and row-major.
 */
const MAGIC = Buffer.from("\x93NUMPY\x01\x00", "latin1");
const LENGTH_BYTES = 2;
const ALIGNMENT = 64;

/** A one-dimensional array of the values. */
export function npyOfValues(values: Float64Array): Uint8Array {
  const { bytes, start } = npyFile("<f8", `(${values.length},)`, values.byteLength);
  const view = new DataView(bytes.buffer);
  values.forEach((value, at) => view.setFloat64(start + at * Float64Array.BYTES_PER_ELEMENT, value, true));
  return bytes;
}

/** A float32 matrix [rows, columns]. */
export function npyOfColumns(columns: readonly Float32Array[], rows: number): Uint8Array {
  const size = rows * columns.length * Float32Array.BYTES_PER_ELEMENT;
  const { bytes, start } = npyFile("<f4", `(${rows}, ${columns.length})`, size);
  const view = new DataView(bytes.buffer);
  for (const [column, values] of columns.entries())
    for (let row = 0; row < rows; row++) {
      const at = start + (row * columns.length + column) * Float32Array.BYTES_PER_ELEMENT;
      view.setFloat32(at, values[row] as number, true);
    }
  return bytes;
}

function npyFile(type: string, shape: string, size: number): { bytes: Uint8Array; start: number } {
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': ${shape}, }`;
  const before = MAGIC.length + LENGTH_BYTES;
  const start = Math.ceil((before + header.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start + size);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint16(MAGIC.length, start - before, true);
  bytes.set(Buffer.from(`${header.padEnd(start - before - 1)}\n`, "latin1"), before);
  return { bytes, start };
}
