"""Bytes by hand: raw requests, headers of requests and of answers, forms that no client here uses."""

import gzip
import json
import struct
import zlib

import numpy as np
from checks import Checks, read_target
from http_bytes import exchange, infer

MODEL = "identity-int64"
ROW = [[-(2**63), 2**63 - 1, 7]]
BYTES = np.array(ROW, "<i8").tobytes()
INPUT = {"name": "x", "datatype": "INT64", "shape": [1, 3]}
JSON = {"inputs": [{**INPUT, "data": ROW[0]}]}
BINARY = {"inputs": [{**INPUT, "parameters": {"binary_data_size": len(BYTES)}}]}


def check_binary(answer, wanted):
    """One binary output, its length in the head."""
    status, headers, body = answer
    assert status == 200, (status, body[:200])
    length = int(headers["inference-header-content-length"])
    (output,) = json.loads(body[:length])["outputs"]
    assert body[length:] == wanted and output["parameters"]["binary_data_size"] == len(wanted), output
    assert "data" not in output and headers["content-type"] == "application/octet-stream", headers


def check_json(answer, wanted=ROW[0]):
    status, headers, body = answer
    assert status == 200 and headers["content-type"] == "application/json", (status, headers, body[:200])
    assert "inference-header-content-length" not in headers, headers
    assert json.loads(body)["outputs"][0]["data"] == wanted, body[:200]


def chunked(url, body):
    """The same request with no length in front."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [body[:5], body[5:]]) + b"0\r\n\r\n"
    return exchange(url, f"/v2/models/{MODEL}/infer", chunks, {"Transfer-Encoding": "chunked"}, length=False)


def main(target):
    run = Checks(None, "HTTP")
    url = target.url
    with run.check("raw request: one row, binary answer"):
        check_binary(infer(url, MODEL, b"", BYTES, header=0), BYTES)
    with run.check("raw request: a text"):
        text = "grün".encode()
        check_binary(infer(url, "one-text", b"", text, header=0), struct.pack("<I", len(text)) + text)
    with run.check("JSON without a content type"):
        check_json(exchange(url, f"/v2/models/{MODEL}/infer", json.dumps(JSON).encode()))
    with run.check("nested data"):
        check_json(infer(url, MODEL, {"inputs": [{**INPUT, "data": ROW}]}))
    with run.check("all outputs as JSON unless asked otherwise, with binary inputs too"):
        check_json(infer(url, MODEL, BINARY, BYTES))
    with run.check("binary_data_output for all, overridden for one"):
        parameters = {"parameters": {"binary_data_output": True}}
        check_binary(infer(url, MODEL, {**BINARY, **parameters}, BYTES), BYTES)
        outputs = {"outputs": [{"name": "y", "parameters": {"binary_data": False}}]}
        check_json(infer(url, MODEL, {**BINARY, **parameters, **outputs}, BYTES))
    with run.check("an empty list of outputs: all of them"):
        check_json(infer(url, MODEL, {**JSON, "outputs": []}))
    with run.check("body in chunks"):
        check_json(chunked(url, json.dumps(JSON).encode()))
    for coding, unpack in {"gzip": gzip.decompress, "deflate": zlib.decompress}.items():
        with run.check(f"answer in {coding} where it is accepted"):
            many = {"inputs": [{**INPUT, "shape": [200, 3], "data": ROW[0] * 200}]}
            status, headers, body = infer(url, MODEL, many, headers={"Accept-Encoding": coding})
            assert status == 200 and headers["content-encoding"] == coding, headers
            assert json.loads(unpack(body))["outputs"][0]["data"] == ROW[0] * 200
    with run.check("answer as it is where no coding is accepted"):
        status, headers, _ = infer(url, MODEL, JSON, headers={"Accept-Encoding": "identity"})
        assert status == 200 and "content-encoding" not in headers, headers
    run.end()


if __name__ == "__main__":
    main(read_target())
