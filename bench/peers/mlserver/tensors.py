"""MLServer over folders of models: all their tensors at /v2/models/<name>/infer.

MODELS (folders with model.json and model.onnx, separated by ":"), PORT and, where gRPC is wanted, GRPC_PORT come from the environment.
"""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from start import start


class Tensors(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        file = os.path.join(self.settings.parameters.uri, "model.onnx")
        self.session = onnxruntime.InferenceSession(file, options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = {one.name: decoded(one) for one in payload.inputs}
        wanted = {one.name for one in payload.outputs or []}
        names = [one.name for one in self.session.get_outputs() if not wanted or one.name in wanted]
        outputs = [encoded(*output) for output in zip(names, self.session.run(names, rows))]
        return InferenceResponse(model_name=self.name, model_version=self.version, id=payload.id, outputs=outputs)


def decoded(tensor):
    if tensor.datatype != "BYTES":
        return NumpyCodec.decode_input(tensor)
    return np.array(StringCodec.decode_input(tensor), dtype=object).reshape(tensor.shape)


def encoded(name, values):
    if values.dtype == object:
        output = StringCodec.encode_output(name, values.flatten().tolist())
    else:
        output = NumpyCodec.encode_output(name, values)
    output.shape = list(values.shape)  # the codecs make [rows] [rows, 1]
    return output


def settings_of(folder):
    name = json.loads((folder / "model.json").read_text())["name"]
    return {"name": name, "implementation": "tensors.Tensors", "parameters": {"uri": str(folder), "version": "1"}}


if __name__ == "__main__":
    folders = [Path(folder).absolute() for folder in os.environ["MODELS"].split(":")]
    start([settings_of(folder) for folder in folders], int(os.environ.get("GRPC_PORT", "0")))
