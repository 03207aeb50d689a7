"""tritonclient over HTTP: what is wrong is refused with the protocol's error, and the connection goes on."""

import numpy as np
import tritonclient.http as triton
from checks import Checks, read_target
from triton_http import connect, mixed_inputs, refused, tensor

import samples

ROWS_OVER = 100_000  # more than any server here takes at once


def main(target):
    run = Checks("tritonclient", "HTTP")
    client = connect(target)
    rows = np.arange(6, dtype=np.int64).reshape(2, 3)
    values = samples.mixed(2)
    for how in ["binary", "JSON"]:
        binary = {"binary_data": how == "binary"}
        good = tensor("x", "INT64", rows, **binary)
        cases = {
            "unknown model": (("404",), "nothing", [good], {}),
            "unknown version": (("400", "404"), "identity-int64", [good], {"model_version": "99.0.0"}),
            "unknown tensor": (("400",), "identity-int64", [tensor("z", "INT64", rows, **binary)], {}),
            "one tensor too many": (("400",), "identity-int64", [good, tensor("z", "INT64", rows, **binary)], {}),
            "the same tensor twice": (("400",), "identity-int64", [good, good], {}),
            "missing tensor": (("400",), "mixed", mixed_inputs(values, **binary)[:-1], {}),
            "wrong datatype": (("400",), "identity-int64", [tensor("x", "FP32", rows.astype(np.float32), **binary)], {}),
            "wrong shape": (("400",), "identity-int64", [tensor("x", "INT64", rows.reshape(3, 2), **binary)], {}),
            "a dimension too few": (("400",), "identity-int64", [tensor("x", "INT64", rows.reshape(6), **binary)], {}),
            "empty batch": (("400",), "identity-int64", [tensor("x", "INT64", rows[:0], **binary)], {}),
            "batch over the limit": (("400",), "identity-int64", [tensor("x", "INT64", np.zeros((ROWS_OVER, 3), np.int64), **binary)], {}),
            "rows that differ between tensors": (("400",), "mixed", mixed_inputs({**samples.mixed(2), "word": samples.mixed(3)["word"]}, **binary), {}),
            "unknown output": (("400",), "identity-int64", [good], {"outputs": [triton.InferRequestedOutput("z")]}),
        }  # fmt: skip
        for name, (statuses, model, inputs, more) in cases.items():
            with run.check(f"{name}, {how}"):
                with refused(*statuses):
                    client.infer(model, inputs, **more)
    with run.check("answers as before afterwards"):
        samples.same(client.infer("identity-int64", [tensor("x", "INT64", rows)]).as_numpy("y"), rows)
    client.close()
    run.end()


if __name__ == "__main__":
    main(read_target())
