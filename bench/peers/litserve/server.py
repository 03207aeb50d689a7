"""LitServe: POST /predict. MODEL and PORT come from the environment."""

# One worker and two API servers, which beat one with or without fast_queue; batches of up to 64 rows, at most 1 ms for them to come together.

import os

import litserve
import numpy as np
import onnxruntime

NAMES = [f"f{index}" for index in range(30)]


class Trees(litserve.LitAPI):
    def setup(self, device):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)

    def decode_request(self, request):
        return np.array([request["features"][name] for name in NAMES], dtype=np.float32)

    def predict(self, rows):
        (probabilities,) = self.session.run(["probabilities"], {"features": rows})
        return probabilities[:, 1]

    def encode_response(self, output):
        return {"probability": float(output)}


if __name__ == "__main__":
    api = Trees(max_batch_size=64, batch_timeout=0.001)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        num_api_servers=2,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
