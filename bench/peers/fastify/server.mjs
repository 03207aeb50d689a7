/** Fastify with onnxruntime-node: POST /predict. MODEL and PORT come from the environment. */
// One process, schemas for both bodies, no log; one inference for each request.
import Fastify from "fastify";
import { InferenceSession, Tensor } from "onnxruntime-node";

const NAMES = Array.from({ length: 30 }, (_, index) => `f${index}`);
const number = { type: "number" };
const features = {
  type: "object",
  required: NAMES,
  properties: Object.fromEntries(NAMES.map((name) => [name, number])),
};
const schema = {
  body: { type: "object", required: ["features"], properties: { features } },
  response: { 200: { type: "object", properties: { probability: number } } },
};

const session = await InferenceSession.create(process.env.MODEL, { intraOpNumThreads: 1 });
const app = Fastify({ logger: false });
app.route({ method: "POST", url: "/predict", schema, handler: predict });
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });

async function predict(request) {
  const values = Float32Array.from(NAMES, (name) => request.body.features[name]);
  const feeds = { features: new Tensor("float32", values, [1, 30]) };
  const { probabilities } = await session.run(feeds, ["probabilities"]);
  return { probability: probabilities.data[1] };
}
