/**
 * A table of events and RowBinary rows for it: small, fast to make, and with every byte value in them, so that
 * data cut off or changed on the way would show.
 */

/** RowBinary of (id UInt64, at DateTime, key String): all bytes occur, so cut-off data would show. */
export function rowBinary(rows: number, firstId = 0): Buffer {
  const row = 8 + 4 + 1 + 16;
  const buffer = Buffer.alloc(rows * row);
  for (let index = 0; index < rows; index += 1) {
    const at = index * row;
    buffer.writeBigUInt64LE(BigInt(firstId + index), at);
    buffer.writeUInt32LE(1_700_000_000, at + 8);
    buffer[at + 12] = 16;
    for (let byte = 0; byte < 16; byte += 1) buffer[at + 13 + byte] = (index * 7 + byte * 31) & 255;
  }
  return buffer;
}

/** The table that rowBinary fills. */
export function createEventsSql(name: string): string {
  return `CREATE TABLE ${name} (id UInt64, at DateTime, key String) ENGINE = MergeTree PARTITION BY toYYYYMMDD(at)
    ORDER BY id SETTINGS non_replicated_deduplication_window = 100`;
}
