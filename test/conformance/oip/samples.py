"""Tensors with the extremes of every datatype, for the identity models; inputs of `mixed` and what it must answer."""

import numpy as np

NUMPY = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}
WORDS = {"one": 1, "ten": 10, "größer": 100}


def extremes(datatype, long=70_000):
    """[rows, 3]: smallest, largest and in between; of BYTES an empty one, UTF-8 and one of `long` bytes."""
    if datatype == "BYTES":
        rows = [["", "grün 🌱", "x" * long], ['"quoted"\\', "line\nbreak", "tab\tand \u007f"]]
        return np.array([[text.encode() for text in row] for row in rows], dtype=object)
    dtype = np.dtype(NUMPY[datatype])
    if datatype == "BOOL":
        return np.array([[True, False, True], [False, False, True]])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.array([[limits.min, limits.max, 0], [limits.max - 1, 1, 100]], dtype=dtype)
    limits = np.finfo(dtype)
    rows = [[limits.min, limits.max, 0], [limits.tiny, limits.smallest_subnormal, -0.1]]
    return np.array(rows, dtype=dtype)


def not_numbers(datatype):
    """Of floating point, which binary data alone can carry."""
    return np.array([[np.nan, np.inf, -np.inf], [-0.0, 1, np.nan]], dtype=NUMPY[datatype])


def identity(datatype):
    """Name of the model that returns this datatype."""
    return f"identity-{datatype.lower()}"


def mixed(rows, seed=1):
    """Inputs of `mixed` by name."""
    random = np.random.default_rng(seed)
    words = [*WORDS, "unknown", ""]
    return {
        "flag": random.integers(0, 2, (rows, 1)).astype(bool),
        "count": random.integers(-(2**62), 2**62, (rows, 3)),
        "weight": random.normal(size=(rows, 3)).astype(np.float32),
        "word": np.array([[words[at].encode()] for at in random.integers(0, len(words), rows)], dtype=object),
    }


DATATYPES_OF_MIXED = {"flag": "BOOL", "count": "INT64", "weight": "FP32", "word": "BYTES"}


def mixed_answer(inputs):
    """Outputs of `mixed` by name."""
    sign = np.where(inputs["flag"], 1.0, -1.0)
    added = np.array([[WORDS.get(word.decode(), 0)] for word in inputs["word"][:, 0]], dtype=np.int64)
    return {
        "weighted": inputs["count"].astype(np.float64) * inputs["weight"].astype(np.float64) * sign,
        "stacked": np.stack([inputs["count"], inputs["count"] + added], axis=1),
    }


def same(got, wanted):
    """Equal in type, shape and every element; texts as their bytes, NaN equal to NaN."""
    if wanted.dtype == np.object_:
        got = np.array([as_bytes(one) for one in got.flat], dtype=object).reshape(got.shape)
    assert got.dtype == wanted.dtype, f"{got.dtype} instead of {wanted.dtype}"
    assert got.shape == wanted.shape, f"shape {got.shape} instead of {wanted.shape}"
    np.testing.assert_array_equal(got, wanted)


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()
