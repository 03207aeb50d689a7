/**
 * Keeps the counts of all versions that have a reference: what the sink stores is counted in passing, and what was stored
 * before, or passed while counting was interrupted, is read back from `predictions`.
 *
 *     behind ── predictions behind the counted position, a chunk at a time ──▶ live ── what the sink stores ──▶ live
 *        ▲                                                                      │
 *        └──────── a gap, a failed insert, too much at once, a restart ─────────┘
 *
 * Each prediction is counted once: counts carry the position up to which they go, and are inserted all or none; whoever is
 * behind goes on from the position that is stored. So nothing has to be undone, and a killed process leaves nothing half.
 * Bounds: one chunk of ROWS_MAX predictions, CATCH_UP_MS a version and settling, and counts of MINUTES_MAX minutes a version
 * between two inserts.
 */
import { messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import { LogRowReader } from "../../core/log-row-reader.ts";
import { RowBinaryWriter } from "../../core/row-binary.ts";
import type { StoredRows } from "../../sink.ts";
import type { ReferenceProfile } from "../references/reference-profile.ts";
import { writeCountRows } from "./count-rows.ts";
import { type CountingPlan, PaneCounts, planCounting } from "./pane-counts.ts";

/** A chunk's counts must fit into one insert: in the worst case each row is a minute of its own, three times per column. */
const COUNTS_MAX = 900_000;
const ROWS_MAX = 20_000;
const MINUTES_MAX = 240;
const CATCH_UP_MS = 2_000;
const WRITER_BYTES = 256 * 1024;
/** Versions named in one line of the log. */
const TOLD_MAX = 10;

export interface LogPosition {
  readonly epoch: number;
  readonly seq: number;
}

/** A version and the reference that it is counted by. */
export interface WatchedVersion {
  readonly model: string;
  readonly version: string;
  readonly referenceId: string;
  readonly profile: ReferenceProfile;
  /** Names of its categories, texts and timestamps in the order of its inputs. */
  readonly texts: readonly string[];
}

export interface CountTable {
  insert(rows: Uint8Array, token: string): Promise<void>;
  runningInserts(): Promise<number>;
  countedTo(version: WatchedVersion): Promise<LogPosition>;
  uncountedTo(version: WatchedVersion, from: LogPosition, rowsMax: number): Promise<LogPosition | undefined>;
  readPredictions(version: WatchedVersion, from: LogPosition, to: LogPosition): Promise<Buffer>;
}

export interface CountKeeperOptions {
  readonly table: CountTable;
  /** How far the sink has stored the log; sequence 0 as long as it does not know. */
  readonly sinkPosition: () => LogPosition;
  readonly logger: Logger;
}

export class CountKeeper {
  readonly #options: CountKeeperOptions;
  readonly #versions = new Map<string, VersionCounts>();
  /** By the bytes of model name, version and variant in a row. */
  readonly #bySeries = new Map<string, VersionCounts | undefined>();
  readonly #writer = new RowBinaryWriter(WRITER_BYTES);
  #round: Promise<void> = Promise.resolve();
  /** When the last prediction that was stored here was logged, ms since 1970; undefined before the first. */
  loggedMs: number | undefined;

  constructor(options: CountKeeperOptions) {
    this.#options = options;
  }

  /** Takes the place of the versions that were watched before; who is among them with the same reference goes on. */
  watch(versions: readonly WatchedVersion[]): void {
    const before = new Map(this.#versions);
    this.#versions.clear();
    this.#bySeries.clear();
    for (const version of versions) {
      const key = `${version.model}\n${version.version}`;
      const known = before.get(key);
      const isSame = known?.version.referenceId === version.referenceId;
      this.#versions.set(key, isSame ? known : new VersionCounts(version));
    }
  }

  /** To be called with every insert of the sink, when it is stored. */
  stored({ rows, epoch, afterSeq, seq }: StoredRows): void {
    let isAnyLive = false;
    for (const counts of this.#versions.values())
      isAnyLive = counts.follow(epoch, afterSeq, seq) || isAnyLive;
    if (!isAnyLive) return;
    const bytes = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
    const reader = new LogRowReader(bytes);
    let start = 0;
    let end = 0;
    let counts: VersionCounts | undefined;
    while (reader.next()) {
      const { seriesStart, seriesEnd } = reader;
      this.loggedMs = reader.loggedMs;
      const isOther = bytes.compare(bytes, start, end, seriesStart, seriesEnd) !== 0;
      if (isOther) counts = this.#countsOf(bytes, reader);
      start = seriesStart;
      end = seriesEnd;
      if (counts?.isLive === true) counts.add(reader);
    }
  }

  /** Inserts what is counted, and catches up; returns the versions that are counted up to the sink's position. */
  async settle(): Promise<readonly WatchedVersion[]> {
    const round = this.#round.then(async () => this.#settle());
    this.#round = round;
    await round;
    return [...this.#versions.values()].filter(({ isLive }) => isLive).map(({ version }) => version);
  }

  async #settle(): Promise<void> {
    const { logger, sinkPosition } = this.#options;
    const { epoch, seq } = sinkPosition();
    for (const counts of this.#versions.values()) counts.checkPosition(epoch, seq);
    const attempt = async (some: readonly VersionCounts[], work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        logger.warn({ err: messageOf(error) }, "predictions cannot be counted now, trying again");
        for (const counts of some) counts.fallBehind();
      }
    };
    const all = [...this.#versions.values()];
    const live = all.filter(({ isLive }) => isLive);
    await attempt(live, async () => this.#flush(live));
    for (const counts of all.filter(({ isLive }) => !isLive))
      await attempt([counts], async () => this.#catchUp(counts));
    this.#tellMisfits();
  }

  #countsOf(bytes: Buffer, reader: LogRowReader): VersionCounts | undefined {
    const series = bytes.toString("latin1", reader.seriesStart, reader.seriesEnd);
    if (!this.#bySeries.has(series)) {
      const [model, version] = reader.series();
      this.#bySeries.set(series, this.#versions.get(`${model}\n${version}`));
    }
    return this.#bySeries.get(series);
  }

  /** At most a line a round, whatever there is of such predictions. */
  #tellMisfits(): void {
    const misfits = [...this.#versions.values()].flatMap((counts) => {
      const rows = counts.takeMisfits();
      const { model, version } = counts.version;
      return rows === 0 ? [] : [{ model, version, rows }];
    });
    if (misfits.length > 0)
      this.#options.logger.error(
        { versions: misfits.slice(0, TOLD_MAX), versionsTotal: misfits.length },
        "predictions have not the columns of their model version's reference",
      );
  }

  /**
   * One insert for all versions that are live, up to where the sink is now. Whoever was suspended for so long that another took
   * over finds the stored position beyond its own, and starts over from there.
   */
  async #flush(live: readonly VersionCounts[]): Promise<void> {
    const { table } = this.#options;
    const due = live.filter(({ hasCounts }) => hasCounts);
    for (const counts of due)
      if (isBefore(counts.stored, await table.countedTo(counts.version)))
        throw new Error("another has counted these predictions");
    const [first] = due.filter(({ isLive }) => isLive);
    if (first === undefined) return;
    const { epoch, seq } = first;
    this.#writer.reset();
    let rows = 0;
    for (const counts of due) rows += counts.write(this.#writer);
    if (rows === 0) return;
    await table.insert(this.#writer.written(), `live:${epoch}:${seq}`);
    for (const counts of due) counts.stored = { epoch, seq };
  }

  /**
   * From the stored position to the sink's, a chunk at a time, for CATCH_UP_MS at most: the rest in the next settling. A version
   * that is ahead of what the sink knows of stays behind: the sink may still hand over what is counted already.
   */
  async #catchUp(counts: VersionCounts): Promise<void> {
    const { table, sinkPosition } = this.#options;
    if ((await table.runningInserts()) > 0) throw new Error("an earlier insert of counts is still running");
    const { version } = counts;
    const untilMs = performance.now() + CATCH_UP_MS;
    let from = await table.countedTo(version);
    while (performance.now() < untilMs) {
      const { epoch, seq } = sinkPosition();
      if (seq === 0) return; // it does not know yet what is stored
      const to = await table.uncountedTo(version, from, rowsPerChunk(version.profile));
      if (to === undefined) {
        const now = sinkPosition();
        if (now.epoch !== epoch || now.seq !== seq) continue;
        if (!isBefore(now, from)) counts.goLive(now, from);
        return;
      }
      const reader = new LogRowReader(await table.readPredictions(version, from, to));
      while (reader.next()) counts.add(reader);
      this.#writer.reset();
      counts.write(this.#writer, to);
      const token = `${version.model}:${version.version}:${version.referenceId}:${to.epoch}:${to.seq}`;
      await table.insert(this.#writer.written(), token);
      from = to;
    }
  }
}

function isBefore(one: LogPosition, other: LogPosition): boolean {
  return one.epoch < other.epoch || (one.epoch === other.epoch && one.seq < other.seq);
}

function rowsPerChunk({ columns }: ReferenceProfile): number {
  return Math.max(1, Math.min(ROWS_MAX, Math.floor(COUNTS_MAX / (3 * columns.length))));
}

/** The counts of one version, by variant, between two inserts. */
class VersionCounts {
  readonly version: WatchedVersion;
  readonly #plan: CountingPlan;
  readonly #byVariant = new Map<string, PaneCounts>();
  isLive = false;
  epoch = 0;
  seq = 0;
  /** Up to where its counts are in the table. */
  stored: LogPosition = { epoch: 0, seq: 0 };

  constructor(version: WatchedVersion) {
    this.version = version;
    this.#plan = planCounting(version.profile, version.texts);
  }

  get hasCounts(): boolean {
    return [...this.#byVariant.values()].some(({ minutes }) => minutes > 0);
  }

  goLive({ epoch, seq }: LogPosition, stored: LogPosition): void {
    this.isLive = true;
    this.epoch = epoch;
    this.seq = seq;
    this.stored = stored;
  }

  fallBehind(): void {
    this.isLive = false;
    this.#byVariant.clear();
  }

  /** Behind from now on if the sink went on without a word: it does when it finds, starting over, that an insert was stored after all. */
  checkPosition(epoch: number, seq: number): void {
    if (this.isLive && (epoch !== this.epoch || seq !== this.seq)) this.fallBehind();
  }

  /** Whether it is live and the messages behind `afterSeq` up to `seq` are the next ones; else it is behind from now on. */
  follow(epoch: number, afterSeq: number, seq: number): boolean {
    if (!this.isLive) return false;
    let minutes = 0;
    for (const counts of this.#byVariant.values()) minutes += counts.minutes;
    if (epoch !== this.epoch || afterSeq !== this.seq || minutes > MINUTES_MAX) {
      this.fallBehind();
      return false;
    }
    this.seq = seq;
    return true;
  }

  add(reader: LogRowReader): void {
    const variant = reader.variant();
    let counts = this.#byVariant.get(variant);
    if (counts === undefined) {
      counts = new PaneCounts(this.#plan);
      this.#byVariant.set(variant, counts);
    }
    counts.add(reader);
  }

  takeMisfits(): number {
    return [...this.#byVariant.values()].reduce((sum, counts) => sum + counts.takeMisfits(), 0);
  }

  /** Appends the counts and starts over with none; how many rows that are. */
  write(writer: RowBinaryWriter, position: LogPosition = this): number {
    const { model, version, referenceId, profile } = this.version;
    let rows = 0;
    for (const [variant, counts] of this.#byVariant) {
      const series = { model, version, variant, referenceId, columns: profile.columns };
      rows += writeCountRows(writer, series, counts.take(), position);
    }
    return rows;
  }
}
