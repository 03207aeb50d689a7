/**
 * What was measured in one window of one (model, version, variant): the input of the verdict.
 *
 * A column is a feature or an output of the model. Rates are shares, 0 to 1, and 0 where there is nothing to share; times are
 * ms since 1970. A column that the window or the reference lacks has an entry too: leaving it out says nothing about it.
 */

export type ColumnKind = "number" | "category";

export interface ColumnEvidence {
  readonly column: string;
  /** What the window has; null if it does not have the column. */
  readonly kind: ColumnKind | null;
  /** What the reference has; null if it does not know the column. */
  readonly referenceKind: ColumnKind | null;
  /** Rows of the window, nulls included, and rows that the reference was made from. */
  readonly rows: number;
  readonly referenceRows: number;
  /** PSI less its expectation without drift, (bins - 1)(1/rows + 1/referenceRows); null if it cannot be computed. */
  readonly psiCorrected: number | null;
  /** Of the test that window and reference come from one distribution, both of them samples; null as above. */
  readonly pValue: number | null;
  readonly nullRate: number;
  readonly referenceNullRate: number;
  /** Share of the values that are not null whose category the reference does not list; 0 for numbers. */
  readonly unseenRate: number;
  /** The same share in the reference, or what it is without drift: of many rare categories some are missing by chance. */
  readonly referenceUnseenRate: number;
  /** Share of the values that are not null outside the reference's least and greatest number; 0 for categories. */
  readonly outOfRangeRate: number;
  /** Whether all values of the window that are not null are the same. */
  readonly isConstant: boolean;
  /** Share of the most frequent value among the reference's values that are not null; 1 if it is constant itself. */
  readonly referenceTopShare: number;
}

/** Whose windows follow each other: one series has one state of incidents. */
export interface Series {
  readonly model: string;
  readonly version: string;
  /** Of an experiment; null outside of one. */
  readonly variant: string | null;
}

export interface WindowEvidence extends Series {
  readonly referenceId: string;
  /** The window is [startMs, endMs). */
  readonly startMs: number;
  readonly endMs: number;
  readonly columns: readonly ColumnEvidence[];
  /** Undefined where nothing is known but of the columns. */
  readonly schema?: SchemaEvidence;
}

/** What did not come in the columns that the model and its reference have. */
export interface SchemaEvidence {
  /** Predictions of the window, and those that were stored with other columns than the reference has. */
  readonly rows: number;
  readonly misfits: number;
  /** Requests of the version, all variants together: those that were answered, and those refused for what they held. */
  readonly answered: number;
  readonly refused: number;
}
