"""The model of the Python backend, in a process that Triton starts: all requests of a batch in one run."""

import os

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, args):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)

    def execute(self, requests):
        rows = [triton.get_input_tensor_by_name(request, "features").as_numpy() for request in requests]
        (probabilities,) = self.session.run(["probabilities"], {"features": np.concatenate(rows)})
        ends = np.cumsum([len(one) for one in rows])[:-1]
        return [
            triton.InferenceResponse([triton.Tensor("probabilities", one)])
            for one in np.split(probabilities, ends)
        ]
