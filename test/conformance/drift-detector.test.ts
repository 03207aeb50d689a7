/**
 * Runs the drift detector suite over ADWIN, KSWIN and Page-Hinkley with their defaults.
 *
 * The rates allowed are far above the measured ones (bench/detectors), so that a seed decides nothing.
 */
import { Adwin } from "../../engine/monitor/adwin.ts";
import { Kswin } from "../../engine/monitor/kswin.ts";
import { PageHinkley } from "../../engine/monitor/page-hinkley.ts";
import { describeDriftDetector } from "./drift-detector-suite.ts";

describeDriftDetector("ADWIN", {
  create: () => new Adwin(),
  restore: Adwin.restore,
  falseAlarmsPerMillion: 1,
  delayMax: 64,
  alarmsPerJumpMax: 1,
});
describeDriftDetector("KSWIN", {
  create: () => new Kswin(),
  restore: Kswin.restore,
  falseAlarmsPerMillion: 2,
  delayMax: 150,
  alarmsPerJumpMax: 1,
});
describeDriftDetector("Page-Hinkley", {
  create: () => new PageHinkley(),
  restore: PageHinkley.restore,
  falseAlarmsPerMillion: 2,
  delayMax: 100,
  alarmsPerJumpMax: 1,
});
