/**
 * Runs the drift detector suite over ADWIN, KSWIN and Page-Hinkley with their defaults.
 */
import { Adwin } from "../../engine/monitor/detectors/adwin.ts";
import { Kswin } from "../../engine/monitor/detectors/kswin.ts";
import { PageHinkley } from "../../engine/monitor/detectors/page-hinkley.ts";
import { describeDriftDetector } from "./drift-detector-suite.ts";

describeDriftDetector("ADWIN", {
  create: () => new Adwin(),
  restore: Adwin.restore,
  delayMax: 64,
});
describeDriftDetector("KSWIN", {
  create: () => new Kswin(),
  restore: Kswin.restore,
  delayMax: 150,
});
describeDriftDetector("Page-Hinkley", {
  create: () => new PageHinkley(),
  restore: PageHinkley.restore,
  delayMax: 100,
});
