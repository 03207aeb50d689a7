"""Triton over folders of models: all their tensors at /v2/models/<name>/infer, and the repository by request.

MODELS (folders with model.json and model.onnx, separated by ":"), PORT and, where gRPC is wanted, GRPC_PORT come from the environment.
"""

import json
import os
import shutil
from pathlib import Path

import onnxruntime

import tritonserver

DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "STRING",
}
ROWS_MAX = 256


def datatype(onnx):
    return DATATYPES.get(onnx) or onnx.removeprefix("tensor(").removesuffix(")").upper()


def described(tensors):
    """Of Triton's configuration, which leaves the rows out; a tensor of nothing but rows cannot stand there."""
    return ", ".join(
        f'{{ name: "{one.name}" data_type: TYPE_{datatype(one.type)} dims: {one.shape[1:]} }}'
        for one in tensors
        if one.shape[1:]
    )


def write_model(folder):
    name = json.loads((folder / "model.json").read_text())["name"]
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    version = Path("models", name, "1")
    version.mkdir(parents=True)
    shutil.copy(folder / "model.onnx", version)
    shutil.copy(Path(__file__).parent / "tensors_model.py", version / "model.py")
    config = f"""
backend: "python"
max_batch_size: {ROWS_MAX}
input [{described(session.get_inputs())}]
output [{described(session.get_outputs())}]
instance_group [{{ kind: KIND_CPU count: 1 }}]
"""
    (version.parent / "config.pbtxt").write_text(config)
    return name


names = [write_model(Path(folder)) for folder in os.environ["MODELS"].split(":")]
grpc_port = os.environ.get("GRPC_PORT")
tritonserver.start(
    [
        *(["--allow-grpc=false"] if grpc_port is None else ["--grpc-address=127.0.0.1", f"--grpc-port={grpc_port}"]),
        "--model-control-mode=explicit",
        *(f"--load-model={name}" for name in names),
    ]
)
