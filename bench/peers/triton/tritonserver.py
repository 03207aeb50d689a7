"""Starts the Triton of the nvidia-pytriton package over ./models, in this process's place. PORT comes from the environment.

That package has the Python backend alone, no ONNX Runtime backend.
"""

import os
import shutil
import site
import sys
from pathlib import Path

import pytriton
from pytriton.utils.distribution import get_libs_path, get_stub_path


def start(arguments):
    triton = Path(pytriton.__file__).parent / "tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copytree(triton / "backends", "backends")
    shutil.copy(get_stub_path(version), "backends/python")
    os.environ |= {
        "LD_LIBRARY_PATH": str(get_libs_path()),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # the backend looks for its Python there
        "PYTHONPATH": site.getsitepackages()[0],
    }
    server = str(triton / "bin/tritonserver")
    ours = [
        "--model-repository=models",
        "--backend-directory=backends",
        "--http-address=127.0.0.1",
        f"--http-port={os.environ['PORT']}",
        "--allow-metrics=false",
        "--log-info=false",
    ]
    os.execv(server, [server, *ours, *arguments])
