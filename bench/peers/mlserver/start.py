"""Starts MLServer over the model settings given, in this process's place. PORT comes from the environment.

The models in the server's own process (parallel_workers 0): several times as fast here as the default, one worker process. That one needs
an older uvloop than the newest.
"""

import json
import os
import sys
from pathlib import Path


def start(models, grpc_port=0):
    settings = {
        "host": "127.0.0.1",
        "http_port": int(os.environ["PORT"]),
        "grpc_port": grpc_port,
        "metrics_endpoint": None,
        "debug": False,
        "parallel_workers": 0,
    }
    Path("settings.json").write_text(json.dumps(settings))
    for model in models:
        folder = Path("models", model["name"])
        folder.mkdir(parents=True)
        (folder / "model-settings.json").write_text(json.dumps(model))
    os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))
    command = os.path.join(os.path.dirname(sys.executable), "mlserver")
    os.execv(command, [command, "start", "."])
