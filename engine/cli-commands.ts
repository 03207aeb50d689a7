/**
 * What `millrace` can do: each command's name, what the help says of it, and the file that has it. A file is loaded when its
 * command is asked for: the libraries of all would take longer than most commands do.
 */
import type { Command } from "commander";

interface KnownCommand {
  readonly about: string;
  readonly load: () => Promise<Command>;
}

export const COMMANDS: Readonly<Record<string, KnownCommand>> = {
  serve: {
    about: "start the engine, with its own NATS, ClickHouse and Redis where no URL is set",
    load: async () => (await import("./cli-serve.ts")).serveCommand(),
  },
  models: {
    about: "push, list, show, deploy, promote, roll back, deprecate and archive models",
    load: async () => (await import("./cli-models.ts")).modelsCommand(),
  },
  keys: {
    about: "the key that signs models, and those that are trusted",
    load: async () => (await import("./cli-keys.ts")).keysCommand(),
  },
  train: {
    about: "train a model on the rows of a file, and write a folder that models push takes",
    load: async () => (await import("./cli-train.ts")).trainCommand(),
  },
  reference: {
    about: "make and show the reference of a model version, which later windows are compared with",
    load: async () => (await import("./cli-reference.ts")).referenceCommand(),
  },
  features: {
    about: "apply, list, show and archive feature sets; export training sets",
    load: async () => (await import("./cli-features.ts")).featuresCommand(),
  },
  drift: {
    about: "how far the predictions of a window are from the reference of their model version",
    load: async () => (await import("./cli-drift.ts")).driftCommand(),
  },
  monitor: {
    about: "how models are watched, and what was found last",
    load: async () => (await import("./cli-monitor.ts")).monitorCommand(),
  },
  retrain: {
    about: "request, watch and cancel retraining; apply its policies",
    load: async () => (await import("./cli-retrain.ts")).retrainCommand(),
  },
  jobs: {
    about: "start, watch, cancel and list training jobs",
    load: async () => (await import("./cli-jobs.ts")).jobsCommand(),
  },
  labels: {
    about: "labels: what predictions turned out to be",
    load: async () => (await import("./cli-labels.ts")).labelsCommand(),
  },
  alerts: {
    about: "alerts: rules, what is open, silences, a test of the channels",
    load: async () => (await import("./cli-alerts.ts")).alertsCommand(),
  },
  publish: {
    about: "publish one message to a stream and say where it is, e.g. to millrace.requests.<model>",
    load: async () => (await import("./cli-publish.ts")).publishCommand(),
  },
  simulate: {
    about: "publish payments of the sample's cards as feature events, and show what they do to one card",
    load: async () => (await import("./cli-simulate.ts")).simulateCommand(),
  },
  demo: {
    about: "see drift found, a model retrained, judged and deployed, under load, in an engine of its own",
    load: async () => (await import("./cli-demo.ts")).demoCommand(),
  },
  bench: {
    about: "how many requests a running engine answers, and how fast at which load",
    load: async () => (await import("./cli-bench.ts")).benchCommand(),
  },
  slo: {
    about: "declare and watch service-level objectives",
    load: async () => (await import("./cli-slo.ts")).sloCommand(),
  },
};
