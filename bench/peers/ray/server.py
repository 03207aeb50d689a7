"""Ray Serve: POST /predict. MODEL and PORT come from the environment."""

# One replica, batches of up to 64 rows, at most 1 ms for them to come together; no dashboard, no access log.
# RAY_SERVE_THROUGHPUT_OPTIMIZED brought nothing here.

import os
import signal

import numpy as np
import onnxruntime
import ray
from ray import serve
from starlette.requests import Request

NAMES = [f"f{index}" for index in range(30)]


@serve.deployment(num_replicas=1, max_ongoing_requests=128, logging_config={"enable_access_log": False})
class Trees:
    def __init__(self, model: str):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options)

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.001)
    async def probabilities(self, rows: list[list[float]]) -> list[float]:
        (probabilities,) = self.session.run(["probabilities"], {"features": np.array(rows, dtype=np.float32)})
        return probabilities[:, 1].tolist()

    async def __call__(self, request: Request) -> dict[str, float]:
        features = (await request.json())["features"]
        return {"probability": await self.probabilities([features[name] for name in NAMES])}


os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
ray.init(
    include_dashboard=False,
    object_store_memory=100_000_000,
    _temp_dir=os.getcwd(),
    logging_level="warning",
)
serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
serve.run(Trees.bind(os.environ["MODEL"]), route_prefix="/predict")
try:
    signal.pause()
finally:
    ray.shutdown()
