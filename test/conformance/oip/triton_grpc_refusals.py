"""tritonclient over gRPC: what is wrong is refused with a status and a text, and the channel goes on."""

import grpc
import numpy as np
import tritonclient.grpc as triton
from checks import Checks, read_target
from triton_grpc import connect, mixed_inputs, refused, stub, tensor, with_contents

import samples

ROWS_OVER = 100_000  # more than any server here takes at once
BAD = ("INVALID_ARGUMENT",)
UNKNOWN = ("NOT_FOUND",)
ROWS = np.arange(6, dtype=np.int64).reshape(2, 3)


def check_client(run, client):
    good = tensor("x", "INT64", ROWS)
    values = samples.mixed(2)
    cases = {
        "unknown model": (UNKNOWN, "nothing", [good], {}),
        "unknown version": (BAD + UNKNOWN, "identity-int64", [good], {"model_version": "99.0.0"}),
        "unknown tensor": (BAD, "identity-int64", [tensor("z", "INT64", ROWS)], {}),
        "one tensor too many": (BAD, "identity-int64", [good, tensor("z", "INT64", ROWS)], {}),
        "the same tensor twice": (BAD, "identity-int64", [good, good], {}),
        "missing tensor": (BAD, "mixed", mixed_inputs(values)[:-1], {}),
        "wrong datatype": (BAD, "identity-int64", [tensor("x", "FP32", ROWS.astype(np.float32))], {}),
        "wrong shape": (BAD, "identity-int64", [tensor("x", "INT64", ROWS.reshape(3, 2))], {}),
        "a dimension too few": (BAD, "identity-int64", [tensor("x", "INT64", ROWS.reshape(6))], {}),
        "empty batch": (BAD, "identity-int64", [tensor("x", "INT64", ROWS[:0])], {}),
        "batch over the limit": (BAD, "identity-int64", [tensor("x", "INT64", np.zeros((ROWS_OVER, 3), np.int64))], {}),
        "rows that differ between tensors": (BAD, "mixed", mixed_inputs({**values, "word": samples.mixed(3)["word"]}), {}),
        "unknown output": (BAD, "identity-int64", [good], {"outputs": [triton.InferRequestedOutput("z")]}),
    }
    for name, (codes, model, inputs, more) in cases.items():
        with run.check(f"{name}, raw"):
            with refused(*codes):
                client.infer(model, inputs, **more)


def raw(model, datatype, shape, *contents):
    request = with_contents(model)
    request.inputs.add(name="x", datatype=datatype, shape=shape)
    request.raw_input_contents.extend(contents)
    return request


def wrong_messages():
    """Requests that the client's own calls do not make."""
    good = {"x": ("INT64", ROWS)}
    content = ROWS.tobytes()
    both = with_contents("identity-int64", **good)
    both.raw_input_contents.append(content)
    other = with_contents("identity-int64")
    other.inputs.add(name="x", datatype="INT64", shape=[2, 3]).contents.int_contents.extend(range(6))
    narrow = with_contents("identity-uint8")
    narrow.inputs.add(name="x", datatype="UINT8", shape=[1, 3]).contents.uint_contents.extend([1, 2, 256])
    few = with_contents("identity-int64", **good)
    del few.inputs[0].contents.int64_contents[-1]
    yield "contents and raw contents at once", both
    yield "contents of another datatype's field", other
    yield "contents beyond UINT8", narrow
    yield "contents that do not match the shape", few
    yield "neither contents nor raw contents", raw("identity-int64", "INT64", [2, 3])
    yield "no inputs", with_contents("identity-int64")
    yield "raw contents of another size", raw("identity-int64", "INT64", [2, 3], content[:40])
    yield "raw contents for more inputs than there are", raw("identity-int64", "INT64", [2, 3], content, content)
    yield "negative dimensions", raw("identity-int64", "INT64", [-2, -3], content)
    yield "dimensions beyond any memory", raw("identity-int64", "INT64", [2**40, 2**40], content)
    yield "unknown datatype", raw("identity-int64", "INT65", [2, 3], content)
    yield "FP16 in contents", fp16()
    yield "raw BYTES that run over their end", raw("identity-bytes", "BYTES", [1, 3], b"\x01\x00\x00\x00a" * 2 + b"\x63\x00\x00\x00b")
    yield "raw BYTES with an element too few", raw("identity-bytes", "BYTES", [1, 3], b"\x01\x00\x00\x00a" * 2)


def fp16():
    request = with_contents("identity-fp16")
    request.inputs.add(name="x", datatype="FP16", shape=[1, 3]).contents.fp32_contents.extend([1, 2, 3])
    return request


def main(target):
    run = Checks("tritonclient", "gRPC")
    client = connect(target)
    check_client(run, client)
    with grpc.insecure_channel(target.grpc_address) as channel:
        calls = stub(channel)
        for name, request in wrong_messages():
            with run.check(name):
                with refused(*BAD):
                    calls.ModelInfer(request)
    with run.check("answers as before afterwards"):
        samples.same(client.infer("identity-int64", [tensor("x", "INT64", ROWS)]).as_numpy("y"), ROWS)
    client.close()
    run.end()


if __name__ == "__main__":
    main(read_target())
