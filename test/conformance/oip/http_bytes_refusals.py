"""Bytes that no client would send: each is refused with 400 and {"error": text}, and the server stands."""

import gzip
import json
import struct

import numpy as np
from checks import Checks, read_target
from http_bytes import exchange, infer

MODEL = "identity-int64"
ROWS = np.arange(6, dtype="<i8").tobytes()


def named(size=None, **more):
    """A request for two rows; `size`: of its binary data."""
    one = {"name": "x", "datatype": "INT64", "shape": [2, 3], **more}
    if size is not None:
        one["parameters"] = {"binary_data_size": size}
    return {"inputs": [one]}


def of_bytes(blob, shape=(1, 3)):
    return {"inputs": [{"name": "x", "datatype": "BYTES", "shape": list(shape), "parameters": {"binary_data_size": len(blob)}}]}


def text(value):
    return struct.pack("<I", len(value)) + value


def wrong_bodies(url):
    """Name, and what the server answers."""
    good = json.dumps(named(48)).encode()
    whole = [1, 2, 3, 4, 5, 6]
    yield "not JSON", infer(url, MODEL, b"{inputs")
    yield "empty body", infer(url, MODEL, b"")
    yield "JSON that is no object", infer(url, MODEL, b"[1]")
    yield "JSON that is not UTF-8", infer(url, MODEL, b'{"id":"\xff\xfe","inputs":[]}')
    yield "no inputs", infer(url, MODEL, {"id": "1"})
    yield "inputs that are no list", infer(url, MODEL, {"inputs": {"x": 1}})
    yield "empty inputs", infer(url, MODEL, {"inputs": []})
    yield "input without a datatype", infer(url, MODEL, {"inputs": [{"name": "x", "shape": [2, 3], "data": whole}]})
    yield "input without a shape", infer(url, MODEL, {"inputs": [{"name": "x", "datatype": "INT64", "data": whole}]})
    yield "input without data", infer(url, MODEL, named())
    yield "data and binary_data_size", infer(url, MODEL, named(48, data=whole), ROWS)
    yield "unknown datatype", infer(url, MODEL, named(data=whole, datatype="INT65"))
    yield "datatype in lower case", infer(url, MODEL, named(data=whole, datatype="int64"))
    yield "shape that does not match the data", infer(url, MODEL, named(data=whole[:5]))
    yield "ragged data", infer(url, MODEL, named(data=[[1, 2, 3], [4, 5]]))
    yield "negative dimension", infer(url, MODEL, named(data=whole, shape=[-2, -3]))
    yield "dimension that is no whole number", infer(url, MODEL, named(data=whole, shape=[2.5, 3]))
    yield "dimensions beyond any memory", infer(url, MODEL, named(data=whole, shape=[2**40, 2**40]))
    yield "text for a number", infer(url, MODEL, named(data=[1, 2, 3, "4", 5, 6]))
    yield "fraction for a whole number", infer(url, MODEL, named(data=[1, 2, 3, 4.5, 5, 6]))
    yield "null for a number", infer(url, MODEL, named(data=[1, 2, 3, None, 5, 6]))
    yield "number beyond INT64", infer(url, MODEL, named(data=[1, 2, 3, 2**63, 5, 6]))
    yield "number beyond UINT8", infer(url, "identity-uint8", named(data=[1, 2, 3, 256, 5, 6], datatype="UINT8"))
    yield "negative number for UINT64", infer(url, "identity-uint64", named(data=[1, 2, 3, -1, 5, 6], datatype="UINT64"))
    yield "number for a truth value", infer(url, "identity-bool", named(data=[True, 2, True, True, True, True], datatype="BOOL"))
    yield "binary size smaller than the shape", infer(url, MODEL, named(40), ROWS[:40])
    yield "binary size larger than the shape", infer(url, MODEL, named(56), ROWS + ROWS[:8])
    yield "binary size beyond the body", infer(url, MODEL, named(48), ROWS[:40])
    yield "bytes after the last tensor", infer(url, MODEL, named(48), ROWS + b"more")
    yield "negative binary size", infer(url, MODEL, named(-48), ROWS)
    yield "binary size that is no number", infer(url, MODEL, named("48"), ROWS)
    yield "binary size without the header", infer(url, MODEL, good, header=None)
    yield "header longer than the body", infer(url, MODEL, good, ROWS, header=len(good) + 1_000)
    yield "header that ends within the JSON", infer(url, MODEL, good, ROWS, header=len(good) - 5)
    yield "negative header", infer(url, MODEL, good, ROWS, header=-1)
    yield "header that is no number", infer(url, MODEL, good, ROWS, header="many")
    yield "header beyond 2^64", infer(url, MODEL, good, ROWS, header=2**64 + len(good))
    yield "BYTES element that runs over its end", infer(url, "identity-bytes", of_bytes(text(b"a") * 2 + struct.pack("<I", 99) + b"b"), text(b"a") * 2 + struct.pack("<I", 99) + b"b")
    yield "BYTES with an element too few", infer(url, "identity-bytes", of_bytes(text(b"a") * 2), text(b"a") * 2)
    yield "BYTES with an element too many", infer(url, "identity-bytes", of_bytes(text(b"a") * 4), text(b"a") * 4)
    yield "BYTES with half a length", infer(url, "identity-bytes", of_bytes(text(b"a") * 3 + b"\x00"), text(b"a") * 3 + b"\x00")
    yield "raw request of another size", infer(url, MODEL, b"", ROWS[:20], header=0)
    yield "raw request for a model of several inputs", infer(url, "mixed", b"", ROWS, header=0)
    yield "parameters that are no object", infer(url, MODEL, {**named(data=whole), "parameters": [1]})
    yield "outputs that are no list", infer(url, MODEL, {**named(data=whole), "outputs": "y"})
    yield "id that is no text", infer(url, MODEL, {**named(data=whole), "id": {"a": 1}})
    yield "gzip that is none", infer(url, MODEL, named(data=whole), headers={"Content-Encoding": "gzip"})
    yield "gzip cut short", infer(url, MODEL, gzip.compress(json.dumps(named(data=whole)).encode())[:-9], headers={"Content-Encoding": "gzip"})


def check_refusal(status, headers, body):
    assert status == 400, f"{status}: {body[:200]!r}"
    error = json.loads(body)
    assert list(error) == ["error"] and isinstance(error["error"], str) and error["error"], error
    assert headers["content-type"].startswith("application/json"), headers


def main(target):
    run = Checks(None, "HTTP")
    for name, answer in wrong_bodies(target.url):
        with run.check(name):
            check_refusal(*answer)
    with run.check("gzip that unpacks beyond the limit of a body"):
        bomb = gzip.compress(b" " * 1_000_000_000, 1)
        status, _, body = infer(target.url, MODEL, bomb, headers={"Content-Encoding": "gzip"})
        assert status in (400, 413) and json.loads(body)["error"], (status, body[:200])
    with run.check("unknown compression"):
        status, _, body = infer(target.url, MODEL, named(data=[1, 2, 3, 4, 5, 6]), headers={"Content-Encoding": "zstd"})
        assert status in (400, 415, 501) and json.loads(body)["error"], (status, body[:200])
    with run.check("body cut short: no answer but a refusal"):
        whole = json.dumps(named(48)).encode() + ROWS
        head = {"Inference-Header-Content-Length": len(whole) - len(ROWS)}
        status, _, body = exchange(target.url, f"/v2/models/{MODEL}/infer", whole[:-20], head, length=len(whole))
        assert status in (None, 400), (status, body[:200])
    for path in ["/v2/models/nothing/infer", "/v2/models/nothing/versions/1.0.0/infer"]:
        with run.check(f"404 in the protocol's form at {path}"):
            status, _, body = exchange(target.url, path, json.dumps(named(data=[1, 2, 3, 4, 5, 6])).encode())
            assert status == 404 and list(json.loads(body)) == ["error"], (status, body[:200])
    with run.check("the server stands"):
        status, _, body = infer(target.url, MODEL, named(data=[1, 2, 3, 4, 5, 6]))
        assert status == 200 and json.loads(body)["outputs"][0]["data"] == [1, 2, 3, 4, 5, 6], body
    run.end()


if __name__ == "__main__":
    main(read_target())
