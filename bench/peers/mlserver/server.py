"""MLServer with a runtime of its own for ONNX: POST /v2/models/bench/infer. MODEL and PORT come from the environment."""

import os

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from start import start


class Trees(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        values = NumpyCodec.decode_input(payload.inputs[0])
        (probabilities,) = self.session.run(["probabilities"], {"features": values})
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("probabilities", probabilities)]
        )


if __name__ == "__main__":
    start([{"name": "bench", "implementation": "server.Trees"}])
