"""Inputs and refusals of tritonclient.grpc, for the programs that use it, and its bare protocol with typed contents."""

from contextlib import contextmanager

import grpc
import numpy as np
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

import samples

# Field of InferTensorContents that carries a datatype; FP16 has none.
CONTENTS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def connect(target):
    return triton.InferenceServerClient(target.grpc_address)


def stub(channel):
    return service_pb2_grpc.GRPCInferenceServiceStub(channel)


def tensor(name, datatype, values):
    one = triton.InferInput(name, list(values.shape), datatype)
    one.set_data_from_numpy(values)
    return one


def mixed_inputs(values):
    return [tensor(name, samples.DATATYPES_OF_MIXED[name], values[name]) for name in values]


def with_contents(model, **tensors):
    """A request of (datatype, values) by name, in typed contents."""
    request = service_pb2.ModelInferRequest(model_name=model)
    for name, (datatype, values) in tensors.items():
        one = request.inputs.add(name=name, datatype=datatype, shape=values.shape)
        getattr(one.contents, CONTENTS[datatype]).extend(values.flatten().tolist())
    return request


def answer_of(response):
    """Arrays by output name, from raw_output_contents or from typed contents."""
    result = triton.InferResult(response)
    answers = {}
    for one in response.outputs:
        if response.raw_output_contents:
            values = result.as_numpy(one.name)
        else:
            values = getattr(one.contents, CONTENTS[one.datatype])
        answers[one.name] = np.array(values, samples.NUMPY[one.datatype]).reshape(tuple(one.shape))
    return answers


@contextmanager
def refused(*codes):
    """One of `codes`, such as INVALID_ARGUMENT, with a text."""
    try:
        yield
    except grpc.RpcError as error:
        code, text = error.code().name, error.details()
    except InferenceServerException as error:
        code, text = error.status().removeprefix("StatusCode."), error.message()
    else:
        raise AssertionError("it was not refused")
    assert code in codes and text, f"{code} instead of {codes}: {text}"
