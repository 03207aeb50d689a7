"""One HTTP exchange byte by byte, for requests that no client library makes."""

import json
import socket
from urllib.parse import urlsplit

TIMEOUT_S = 20


def exchange(base_url, path, body, headers=None, method="POST", length=None):
    """Status, headers in lower case, body. `length`: a Content-Length that lies, after whose body the sending side closes; False: none."""
    address = urlsplit(base_url)
    lines = {"Host": address.netloc, "Connection": "close", **(headers or {})}
    if length is not False:
        lines["Content-Length"] = len(body) if length is None else length
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with socket.create_connection((address.hostname, address.port), TIMEOUT_S) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        if length:
            connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    if not received:
        return None, {}, b""
    top, _, rest = received.partition(b"\r\n\r\n")
    first, *others = top.decode("latin1").split("\r\n")
    named = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in others)}
    return int(first.split(" ")[1]), named, rest


def infer(base_url, model, head, blobs=b"", **more):
    """A request of JSON, given or as an object, and binary data. `header`: what Inference-Header-Content-Length says."""
    text = head if isinstance(head, bytes) else json.dumps(head, ensure_ascii=False).encode()
    header = more.pop("header", len(text) if blobs else None)
    headers = {"Content-Type": "application/octet-stream" if header is not None else "application/json", **more.pop("headers", {})}
    if header is not None:
        headers["Inference-Header-Content-Length"] = header
    return exchange(base_url, f"/v2/models/{model}/infer", text + blobs, headers, **more)
