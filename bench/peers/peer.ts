/** The peers of the HTTP benchmark: how each is asked, in the form that its own users would send, and where its answer has the probability. */

export interface Peer {
  /** As figures name it. */
  readonly name: string;
  /** Of its server and its packages in bench/peers. */
  readonly folder: string;
  readonly language: "node" | "python";
  readonly path: string;
  readonly toBody: (features: Readonly<Record<string, number>>) => unknown;
  /** NaN where the answer has none. */
  readonly probability: (answer: unknown) => number;
  /** The engine's requests per second are to be so many times the peer's. */
  readonly goal?: number;
}

type PeerKind = Pick<Peer, "toBody" | "probability">;

const BY_NAME: PeerKind = {
  toBody: (features) => ({ features }),
  probability: (answer) => Number((answer as { probability?: number }).probability),
};

/** Open Inference Protocol V2. */
const OPEN_INFERENCE: PeerKind = {
  toBody: (features) => {
    const data = Object.values(features);
    return { inputs: [{ name: "features", shape: [1, data.length], datatype: "FP32", data }] };
  },
  probability: (answer) => Number((answer as { outputs?: { data: number[] }[] }).outputs?.[0]?.data[1]),
};

/** An array of rows, as BentoML takes for NumPy. */
const ROWS: PeerKind = {
  toBody: (features) => ({ features: [Object.values(features)] }),
  probability: (answer) => Number((answer as number[][])[0]?.[1]),
};

const OIP_PATH = "/v2/models/bench/infer";

export const PEERS: readonly Peer[] = [
  {
    name: "Fastify + onnxruntime-node",
    folder: "fastify",
    language: "node",
    path: "/predict",
    ...BY_NAME,
    goal: 2.5,
  },
  { name: "FastAPI + onnxruntime", folder: "fastapi", language: "python", path: "/predict", ...BY_NAME },
  { name: "MLServer", folder: "mlserver", language: "python", path: OIP_PATH, ...OPEN_INFERENCE, goal: 10 },
  { name: "BentoML", folder: "bentoml", language: "python", path: "/predict", ...ROWS },
  { name: "Ray Serve", folder: "ray", language: "python", path: "/predict", ...BY_NAME },
  { name: "Mosec", folder: "mosec", language: "python", path: "/inference", ...BY_NAME },
  { name: "LitServe", folder: "litserve", language: "python", path: "/predict", ...BY_NAME },
  {
    name: "Triton over HTTP",
    folder: "triton",
    language: "python",
    path: OIP_PATH,
    ...OPEN_INFERENCE,
    goal: 1,
  },
];
