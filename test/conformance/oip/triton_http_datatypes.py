"""tritonclient over HTTP: every datatype with its extremes, binary and JSON, comes back as it went."""

import tritonclient.http as triton
from checks import Checks, read_target
from triton_http import connect, tensor
from tritonclient.utils import InferenceServerException

import samples

FLOATS = ["FP16", "FP32", "FP64"]


def main(target):
    run = Checks("tritonclient", "HTTP")
    client = connect(target)
    as_json = [triton.InferRequestedOutput("y", binary_data=False)]
    for datatype in samples.NUMPY:
        values = samples.extremes(datatype)
        model = samples.identity(datatype)
        with run.check(f"{datatype} binary"):
            samples.same(client.infer(model, [tensor("x", datatype, values)]).as_numpy("y"), values)
        if datatype in FLOATS:
            with run.check(f"{datatype} binary, NaN and infinities"):
                odd = samples.not_numbers(datatype)
                samples.same(client.infer(model, [tensor("x", datatype, odd)]).as_numpy("y"), odd)
        if datatype == "FP16":
            continue  # the client sends it as binary alone
        with run.check(f"{datatype} JSON"):
            result = client.infer(model, [tensor("x", datatype, values, binary_data=False)], outputs=as_json)
            assert "data" in result.get_output("y"), result.get_response()
            samples.same(result.as_numpy("y"), values)
    for name, odd in {"not UTF-8": b"\xff\xfe", "with a NUL within": b"a\x00b"}.items():
        with run.check(f"BYTES {name}: refused, or back as they went"):
            values = samples.extremes("BYTES")
            values[0, 0] = odd
            try:
                result = client.infer("identity-bytes", [tensor("x", "BYTES", values)])
            except InferenceServerException as error:
                assert error.status() == "400", error
            else:
                samples.same(result.as_numpy("y"), values)
    client.close()
    run.end()


if __name__ == "__main__":
    main(read_target())
