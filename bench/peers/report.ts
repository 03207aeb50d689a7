/** What the benchmark of the peers says of its loads: a table, ratios, bars. Pure. */
import type { LoadResult } from "../load/job.ts";
import type { Settled } from "../load/settled.ts";
import { failuresOf, settledText } from "../load/subject.ts";
import { type Report, type Row, round } from "../report.ts";

export interface ServerLoads {
  /** Closed loops over 64 connections, over one. */
  readonly many: Settled<LoadResult>;
  readonly one: Settled<LoadResult>;
}

export interface PeerLoads extends ServerLoads {
  readonly name: string;
  readonly goal?: number;
  readonly versions: Readonly<Record<string, string>>;
}

export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

export interface EngineLoads {
  readonly before: ServerLoads;
  readonly after: ServerLoads;
}

export function peersReport(engine: EngineLoads, peers: readonly (PeerLoads | LeftOut)[]): Report {
  const measured = peers.filter((peer) => "many" in peer);
  const rate = (rateOf(engine.before) + rateOf(engine.after)) / 2;
  return {
    title: "Servers of models over HTTP, one row of 30 features, 100 trees",
    rows: [
      loadRow("engine, before the peers", engine.before),
      ...peers.map((peer) => ("many" in peer ? peerRow(peer) : leftOutRow(peer))),
      loadRow("engine, after the peers", engine.after),
    ],
    ratios: {
      ...Object.fromEntries(measured.map((peer) => [ratioName(peer), round(rate / rateOf(peer))])),
      "engine after / before the peers": round(rateOf(engine.after) / rateOf(engine.before)),
    },
    charts: [
      {
        kind: "bars",
        title: "Requests per second, closed loop, 64 connections",
        y: "requests per second",
        bars: [
          ["engine", Math.round(rate)],
          ...measured.map((peer) => [peer.name, Math.round(rateOf(peer))] as const),
        ],
      },
    ],
    raw: { engine, peers },
  };
}

function rateOf({ many }: ServerLoads): number {
  return many.result.rate;
}

function ratioName({ name, goal }: PeerLoads): string {
  return `engine / ${name}${goal === undefined ? "" : ` (goal ≥ ${goal})`}`;
}

function loadRow(server: string, { many, one }: ServerLoads): Row {
  return {
    server,
    "requests/s": Math.round(many.result.rate),
    "p50 ms": round(many.result.latency.p50),
    "p99 ms": round(many.result.latency.p99),
    "1 connection p50 ms": round(one.result.latency.p50, 3),
    windows: settledText(many),
    failed: failuresOf(many.result) + failuresOf(one.result),
    "generator's cores": round(many.result.cores),
  };
}

function peerRow(peer: PeerLoads): Row {
  const packages = Object.entries(peer.versions).map(([name, version]) => `${name} ${version}`);
  return { ...loadRow(peer.name, peer), packages: packages.join(", ") };
}

function leftOutRow({ name, reason }: LeftOut): Row {
  return { server: `${name}: left out, ${reason}` };
}
