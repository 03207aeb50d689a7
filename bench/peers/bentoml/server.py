"""BentoML: POST /predict. MODEL and PORT come from the environment."""

# One worker, adaptive batching of up to 64 rows.

import os
import sys

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Trees:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=1000)
    def predict(self, features: np.ndarray) -> np.ndarray:
        (probabilities,) = self.session.run(["probabilities"], {"features": features.astype(np.float32)})
        return probabilities


if __name__ == "__main__":
    os.environ |= {"BENTOML_HOME": os.getcwd(), "BENTOML_DO_NOT_TRACK": "True"}
    folder = os.path.dirname(os.path.abspath(__file__))
    address = ["--host", "127.0.0.1", "--port", os.environ["PORT"]]
    os.execv(
        sys.executable,
        [sys.executable, "-m", "bentoml", "serve", "server:Trees", "--working-dir", folder, *address],
    )
