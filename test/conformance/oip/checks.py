"""What every program here does around its checks: reads the server's addresses, prints one JSON line per check, ends with 1 when one failed.

    python triton_http_infer.py --url http://127.0.0.1:8080 --grpc-address 127.0.0.1:8001

The server has the models of test/fixtures/tensors, promoted.
"""

import argparse
import json
import sys
import traceback
from contextlib import contextmanager
from importlib.metadata import version

TEXT_MAX = 300


def read_target():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="of the server")
    parser.add_argument("--grpc-address", default="127.0.0.1:8001", help="host and port of its gRPC service")
    parser.add_argument("--version", default="1.0.0", help="of every model")
    parser.add_argument("--openapi", help="open_inference_rest.yaml, for json_answers.py")
    return parser.parse_args()


class Checks:
    """Of one client, as the lines name it; without a package, of requests made here byte by byte."""

    def __init__(self, package, transport):
        self.client = f"{package} {version(package)}" if package else "bytes by hand"
        self.transport = transport
        self.failed = 0

    @contextmanager
    def check(self, name):
        """One check: an assertion or any error inside fails it, and the next one goes on."""
        try:
            yield
        except Exception as error:
            self.failed += 1
            self.print(name, False, f"{type(error).__name__}: {error}"[:TEXT_MAX])
            traceback.print_exc()
        else:
            self.print(name, True, "")

    def print(self, name, ok, detail):
        line = {"client": self.client, "transport": self.transport, "name": name, "ok": ok, "detail": detail}
        print(json.dumps(line, ensure_ascii=False), flush=True)

    def end(self):
        sys.exit(1 if self.failed else 0)
