"""MLServer with a runtime of its own for ONNX: POST /v2/models/bench/infer. MODEL and PORT come from the environment."""

# The model in the server's own process (parallel_workers 0): several times as fast here as the default, one worker process. That one needs
# an older uvloop than the newest.

import json
import os
import sys

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


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


def main():
    settings = {
        "host": "127.0.0.1",
        "http_port": int(os.environ["PORT"]),
        "grpc_port": 0,
        "metrics_endpoint": None,
        "debug": False,
        "parallel_workers": 0,
    }
    model = {"name": "bench", "implementation": "server.Trees"}
    for name, content in {"settings": settings, "model-settings": model}.items():
        with open(f"{name}.json", "w") as file:
            json.dump(content, file)
    os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))
    command = os.path.join(os.path.dirname(sys.executable), "mlserver")
    os.execv(command, [command, "start", "."])


if __name__ == "__main__":
    main()
