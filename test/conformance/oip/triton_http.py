"""Inputs and refusals of tritonclient.http, for the programs that use it."""

from contextlib import contextmanager

import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

import samples


def connect(target, **options):
    return triton.InferenceServerClient(target.url.removeprefix("http://"), **options)


def tensor(name, datatype, values, **how):
    one = triton.InferInput(name, list(values.shape), datatype)
    one.set_data_from_numpy(values, **how)
    return one


def mixed_inputs(values, **how):
    return [tensor(name, samples.DATATYPES_OF_MIXED[name], values[name], **how) for name in values]


@contextmanager
def refused(*statuses):
    """The server says no with one of `statuses`, and an error text of its own."""
    try:
        yield
    except InferenceServerException as error:
        assert error.status() in statuses, f"{error.status()} instead of {statuses}: {error.message()}"
        assert error.message() and "in the client" not in error.message(), error.message()
    else:
        raise AssertionError("it was not refused")
