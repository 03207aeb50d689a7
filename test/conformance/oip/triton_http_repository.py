"""tritonclient over HTTP: the index of models, taking one away and bringing it back."""

import time

import numpy as np
from checks import Checks, read_target
from triton_http import connect, refused, tensor

MODEL = "identity-int8"
WAIT_S = 20


def ready_is(client, wanted):
    """Within WAIT_S."""
    end = time.monotonic() + WAIT_S
    while client.is_model_ready(MODEL) != wanted:
        assert time.monotonic() < end, f"{MODEL} is {'not ' if wanted else ''}ready after {WAIT_S} s"
        time.sleep(0.05)


def main(target):
    run = Checks("tritonclient", "HTTP")
    client = connect(target)
    rows = tensor("x", "INT8", np.array([[1, 2, 3]], np.int8))
    with run.check("repository index"):
        index = {one["name"]: one for one in client.get_model_repository_index()}
        assert index[MODEL]["state"] == "READY" and index[MODEL]["version"] == target.version, index
        assert "mixed" in index, index
    with run.check("unload: not ready, not in the index as ready, infer refused"):
        client.unload_model(MODEL)
        ready_is(client, False)
        states = [one.get("state") for one in client.get_model_repository_index() if one["name"] == MODEL]
        assert "READY" not in states, states
        with refused("400", "404", "503"):
            client.infer(MODEL, [rows])
    with run.check("load: ready and answering"):
        client.load_model(MODEL)
        ready_is(client, True)
        assert client.infer(MODEL, [rows]).as_numpy("y").tolist() == [[1, 2, 3]]
    with run.check("load of an unknown model refused"):
        with refused("400", "404"):
            client.load_model("nothing")
    client.close()
    run.end()


if __name__ == "__main__":
    main(read_target())
