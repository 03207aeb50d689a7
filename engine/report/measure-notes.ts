/**
 * How to read a drift report: a paragraph per measure, which says how it is worked out here, since libraries differ.
 */
import type { DriftSettings } from "../monitor/drift/drift-settings.ts";
import { percentText } from "./report-text.ts";

export interface MeasureNote {
  readonly term: string;
  readonly about: string;
}

export function measureNotes(settings: DriftSettings): MeasureNote[] {
  const { psi_warning, psi_critical, psi_margin, alpha, rows_min, reference_rows_min } = settings;
  const from = (level: number): string => String(Number((level * (1 - psi_margin)).toPrecision(6)));
  return [
    {
      term: "Pictures",
      about:
        "Each pair of bars is a bin; its height is the share of all rows, so the bars of one colour add up to 100 %. Bins of numbers are cut at the reference's quantiles and frozen with it: they are drawn equally wide, whatever they span, and the reference's bars are about as high as each other by design. Bins are closed on the right. The first and the last one hold what is below and above all that the reference has, a value that is frequent by itself has a bin of its own, and rows without a value have one too.",
    },
    {
      term: "Verdict",
      about: `A column drifts when the effect is large (corrected PSI from ${from(psi_warning)}, which finds shifts of ${psi_warning}; critical from ${from(psi_critical)}, for ${psi_critical}) and significant (the chi-square test's p-value is at most ${alpha} after Benjamini-Hochberg over the columns). Fewer than ${rows_min} rows, or a reference of fewer than ${reference_rows_min}, are insufficient: that says nothing either way. Broken data (nulls, unknown categories or numbers out of range that rose, a column that stands still) is data quality instead, and not tested for drift. An incident opens only when verdicts persist (${settings.windows_needed} of ${settings.windows_considered} windows; data quality ${settings.quality_windows_needed} of ${settings.quality_windows_considered}).`,
    },
    {
      term: "PSI",
      about:
        "Population stability index over all bins, that of null included: the sum of (p - q) ln(p / q). Both samples lend half a row each, as a mass, to every bin, so that empty bins cost little and the order of the two makes no difference. Small samples have a PSI above 0 without any drift; corrected is less that average, at least 0. Other tools bin anew for each comparison and fill empty bins with constants, so their numbers differ.",
    },
    {
      term: "KS",
      about:
        "Kolmogorov-Smirnov: the largest distance between the two distribution functions of the values that are there. From counts it is known exactly at the edges of bins, so it is given as the bounds that it surely lies within, at most one bin's share apart. Its p-value is that of the lower bound, by SciPy's asymptotic law.",
    },
    {
      term: "Jensen-Shannon",
      about:
        "The distance (the root of the divergence) over all bins, logarithm to base 2: 0 for equal, 1 for disjoint. Nothing is smoothed. SciPy and Evidently take the natural logarithm and get 0.83 times as much.",
    },
    {
      term: "KL",
      about:
        "Kullback-Leibler divergence, the sum of p ln(p / q) with p the reference and q the window, over all bins, smoothed as PSI is. It is not symmetric.",
    },
    {
      term: "Wasserstein",
      about:
        "How far values had to be moved on average, in standard deviations of the reference, with the values of a bin spread evenly. Values beyond the reference's range count as at its end.",
    },
    {
      term: "Chi-square",
      about:
        "Test that both samples come from one distribution over the bins; those that expect fewer than five rows are put together, and two bins get Yates's correction. Its p-value decides on significance.",
    },
    {
      term: "Rates",
      about: `Null: rows without a value. Unseen: values that the reference does not list. Out of range: numbers below or above all of the reference. A rise is a data-quality problem from ${percentText(settings.null_rate_rise)}, ${percentText(settings.unseen_rate_rise)} and ${percentText(settings.out_of_range_rate_rise)} of rows, if it is also ${settings.rate_standard_errors} standard errors.`,
    },
  ];
}
