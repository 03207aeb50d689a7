"""tritonclient over gRPC: health, metadata, configuration, statistics, and the repository."""

import time

import numpy as np
from checks import Checks, read_target
from triton_grpc import connect, refused, tensor

MODEL = "identity-int16"
WAIT_S = 20


def ready_is(client, wanted):
    """Within WAIT_S."""
    end = time.monotonic() + WAIT_S
    while client.is_model_ready(MODEL) != wanted:
        assert time.monotonic() < end, f"{MODEL} is {'not ' if wanted else ''}ready after {WAIT_S} s"
        time.sleep(0.05)


def check_repository(run, client, target):
    rows = tensor("x", "INT16", np.array([[1, 2, 3]], np.int16))
    with run.check("repository index"):
        index = {one.name: one for one in client.get_model_repository_index().models}
        assert index[MODEL].state == "READY" and index[MODEL].version == target.version, index
    with run.check("unload and load"):
        client.unload_model(MODEL)
        ready_is(client, False)
        with refused("UNAVAILABLE", "NOT_FOUND", "INVALID_ARGUMENT"):
            client.infer(MODEL, [rows])
        client.load_model(MODEL)
        ready_is(client, True)
        assert client.infer(MODEL, [rows]).as_numpy("y").tolist() == [[1, 2, 3]]


def count_of(client, model):
    (one,) = client.get_inference_statistics(model).model_stats
    return one.inference_stats.success.count, one.inference_count


def main(target):
    run = Checks("tritonclient", "gRPC")
    client = connect(target)
    with run.check("server live and ready"):
        assert client.is_server_live() and client.is_server_ready()
    with run.check("model ready, with and without a version"):
        assert client.is_model_ready("mixed") and client.is_model_ready("mixed", target.version)
    with run.check("unknown model or version not ready"):
        assert not client.is_model_ready("nothing") and not client.is_model_ready("mixed", "99.0.0")
    with run.check("server metadata"):
        metadata = client.get_server_metadata()
        assert metadata.name and metadata.version and "model_configuration" in metadata.extensions, metadata
    for version in ["", target.version]:
        with run.check(f"model metadata, {'versioned' if version else 'unversioned'}"):
            metadata = client.get_model_metadata("mixed", version)
            assert metadata.name == "mixed" and list(metadata.versions) == [target.version] and metadata.platform, metadata
            described = [(one.name, one.datatype, list(one.shape)) for one in [*metadata.inputs, *metadata.outputs]]
            assert described == [
                ("flag", "BOOL", [-1, 1]),
                ("count", "INT64", [-1, 3]),
                ("weight", "FP32", [-1, 3]),
                ("word", "BYTES", [-1, 1]),
                ("weighted", "FP64", [-1, 3]),
                ("stacked", "INT64", [-1, 2, 3]),
            ], described
    with run.check("model configuration"):
        config = client.get_model_config("mixed").config
        assert config.name == "mixed" and config.max_batch_size > 0, config
        assert [(one.name, list(one.dims)) for one in config.output] == [("weighted", [3]), ("stacked", [2, 3])], config
    with run.check("statistics count requests and rows"):
        requests, rows = count_of(client, "identity-int64")
        client.infer("identity-int64", [tensor("x", "INT64", np.zeros((4, 3), np.int64))])
        assert count_of(client, "identity-int64") == (requests + 1, rows + 4)
    with run.check("unknown model: metadata, configuration, statistics"):
        for ask in [client.get_model_metadata, client.get_model_config, client.get_inference_statistics]:
            with refused("NOT_FOUND", "INVALID_ARGUMENT"):
                ask("nothing")
    check_repository(run, client, target)
    client.close()
    run.end()


if __name__ == "__main__":
    main(read_target())
