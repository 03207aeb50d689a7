"""Triton from the nvidia-pytriton package: POST /v2/models/bench/infer. MODEL and PORT come from the environment."""

# That package has the Python backend alone, no ONNX Runtime backend. One instance, dynamic batching of up to 64 rows
# without a delay.

import os
import shutil
import site
import sys
from pathlib import Path

import pytriton
from pytriton.utils.distribution import get_libs_path, get_stub_path

CONFIG = """
backend: "python"
max_batch_size: 64
input [{ name: "features" data_type: TYPE_FP32 dims: [30] }]
output [{ name: "probabilities" data_type: TYPE_FP32 dims: [2] }]
instance_group [{ kind: KIND_CPU count: 1 }]
dynamic_batching { max_queue_delay_microseconds: 0 }
"""

triton = Path(pytriton.__file__).parent / "tritonserver"
version = f"{sys.version_info.major}.{sys.version_info.minor}"
model = Path("models/bench/1")
model.mkdir(parents=True)
shutil.copy(Path(__file__).parent / "model.py", model)
(model.parent / "config.pbtxt").write_text(CONFIG)
shutil.copytree(triton / "backends", "backends")
shutil.copy(get_stub_path(version), "backends/python")
os.environ |= {
    "LD_LIBRARY_PATH": str(get_libs_path()),
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # the backend looks for its Python there
    "PYTHONPATH": site.getsitepackages()[0],
}
server = str(triton / "bin/tritonserver")
os.execv(
    server,
    [
        server,
        "--model-repository=models",
        "--backend-directory=backends",
        "--http-address=127.0.0.1",
        f"--http-port={os.environ['PORT']}",
        "--allow-grpc=false",
        "--allow-metrics=false",
        "--log-info=false",
    ],
)
