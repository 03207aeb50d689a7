"""BentoML: POST /predict. MODEL and PORT come from the environment."""

# Two workers without adaptive batching: measured faster here than one or two with it.

import os
import sys

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=2, logging={"access": {"enabled": False}})
class Trees:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)

    @bentoml.api
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
