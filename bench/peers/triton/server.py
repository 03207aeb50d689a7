"""Triton from the nvidia-pytriton package: POST /v2/models/bench/infer. MODEL and PORT come from the environment."""

# One instance, dynamic batching of up to 64 rows without a delay.

import shutil
from pathlib import Path

import tritonserver

CONFIG = """
backend: "python"
max_batch_size: 64
input [{ name: "features" data_type: TYPE_FP32 dims: [30] }]
output [{ name: "probabilities" data_type: TYPE_FP32 dims: [2] }]
instance_group [{ kind: KIND_CPU count: 1 }]
dynamic_batching { max_queue_delay_microseconds: 0 }
"""

model = Path("models/bench/1")
model.mkdir(parents=True)
shutil.copy(Path(__file__).parent / "model.py", model)
(model.parent / "config.pbtxt").write_text(CONFIG)
tritonserver.start(["--allow-grpc=false"])
