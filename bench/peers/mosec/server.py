"""Mosec: POST /inference. MODEL and PORT come from the environment."""

# One worker, dynamic batching of up to 64 rows, at most 1 ms for them to come together.

import os
import sys

import numpy as np
import onnxruntime
from mosec import Server, Worker

NAMES = [f"f{index}" for index in range(30)]


class Trees(Worker):
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)

    def forward(self, data):
        rows = [[row["features"][name] for name in NAMES] for row in data]
        (probabilities,) = self.session.run(["probabilities"], {"features": np.array(rows, dtype=np.float32)})
        return [{"probability": probability} for probability in probabilities[:, 1].tolist()]


if __name__ == "__main__":
    sys.argv += ["--address", "127.0.0.1", "--port", os.environ["PORT"], "--log-level", "warning"]
    server = Server()
    server.append_worker(Trees, num=1, max_batch_size=64, max_wait_time=1)
    server.run()
