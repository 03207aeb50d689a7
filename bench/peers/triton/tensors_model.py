"""Any ONNX file in the Python backend of Triton, in a process that Triton starts: one run per request."""

from pathlib import Path

import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, args):
        file = Path(args["model_repository"], args["model_version"], "model.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(file, options)

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        rows = {one.name(): one.as_numpy() for one in request.inputs()}
        for one in self.session.get_inputs():
            if one.type == "tensor(string)":
                rows[one.name] = to_text(rows[one.name])
        names = [one.name for one in self.session.get_outputs() if one.shape[1:]]  # as tensors.py describes them
        outputs = zip(names, self.session.run(names, rows))
        return triton.InferenceResponse([triton.Tensor(name, values) for name, values in outputs])


def to_text(values):
    """Triton hands bytes, ONNX Runtime takes text."""
    texts = values.copy()
    for at, value in enumerate(values.flat):
        texts.flat[at] = value.decode()
    return texts
