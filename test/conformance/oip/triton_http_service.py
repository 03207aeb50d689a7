"""tritonclient over HTTP: health, metadata, configuration and statistics."""

import numpy as np
from checks import Checks, read_target
from triton_http import connect, mixed_inputs, refused, tensor

import samples

MIXED_INPUTS = [("flag", "BOOL", [-1, 1]), ("count", "INT64", [-1, 3]), ("weight", "FP32", [-1, 3]), ("word", "BYTES", [-1, 1])]
MIXED_OUTPUTS = [("weighted", "FP64", [-1, 3]), ("stacked", "INT64", [-1, 2, 3])]
EXTENSIONS = ["binary_tensor_data", "model_repository", "model_configuration", "statistics", "schedule_policy", "parameters"]


def described(tensors):
    return [(one["name"], one["datatype"], one["shape"]) for one in tensors]


def count_of(client, model):
    (one,) = client.get_inference_statistics(model)["model_stats"]
    return one["inference_stats"]["success"]["count"], one["inference_count"]


def main(target):
    run = Checks("tritonclient", "HTTP")
    client = connect(target)
    with run.check("server live and ready"):
        assert client.is_server_live() and client.is_server_ready()
    with run.check("model ready, with and without a version"):
        assert client.is_model_ready("mixed") and client.is_model_ready("mixed", target.version)
    with run.check("unknown model or version not ready"):
        assert not client.is_model_ready("nothing") and not client.is_model_ready("mixed", "99.0.0")
    with run.check("server metadata"):
        metadata = client.get_server_metadata()
        assert metadata["name"] and metadata["version"], metadata
        assert set(EXTENSIONS) <= set(metadata["extensions"]), metadata["extensions"]
    for version in ["", target.version]:
        with run.check(f"model metadata, {'versioned' if version else 'unversioned'}"):
            metadata = client.get_model_metadata("mixed", version)
            assert metadata["name"] == "mixed" and target.version in metadata["versions"], metadata
            assert metadata["platform"], metadata
            assert described(metadata["inputs"]) == MIXED_INPUTS, metadata["inputs"]
            assert described(metadata["outputs"]) == MIXED_OUTPUTS, metadata["outputs"]
    with run.check("model metadata of an ordinary model"):
        metadata = client.get_model_metadata("bench-trees")
        assert described(metadata["inputs"]) == [("features", "FP32", [-1, 30])], metadata
    with run.check("model configuration"):
        config = client.get_model_config("mixed")
        assert config["name"] == "mixed" and config["max_batch_size"] > 0, config
        assert [(one["name"], one["data_type"], one["dims"]) for one in config["input"]] == [
            (name, "TYPE_STRING" if datatype == "BYTES" else f"TYPE_{datatype}", shape[1:]) for name, datatype, shape in MIXED_INPUTS
        ], config["input"]
    with run.check("statistics count requests and rows"):
        requests, rows = count_of(client, "identity-int64")
        client.infer("identity-int64", [tensor("x", "INT64", np.zeros((4, 3), np.int64))])
        assert count_of(client, "identity-int64") == (requests + 1, rows + 4)
    with run.check("statistics of all models"):
        named = {one["name"] for one in client.get_inference_statistics()["model_stats"]}
        assert {"mixed", "identity-bool"} <= named, named
    with run.check("unknown model: metadata, configuration, statistics"):
        for ask in [client.get_model_metadata, client.get_model_config, client.get_inference_statistics]:
            with refused("404", "400"):
                ask("nothing")
    with run.check("many requests in flight"):
        with connect(target, concurrency=8) as many:
            asked = [(one, samples.mixed(one + 1, seed=one)) for one in range(64)]
            waiting = [(values, many.async_infer("mixed", mixed_inputs(values), request_id=str(one))) for one, values in asked]
            for values, answer in waiting:
                result = answer.get_result()
                for name, wanted in samples.mixed_answer(values).items():
                    samples.same(result.as_numpy(name), wanted)
    client.close()
    run.end()


if __name__ == "__main__":
    main(read_target())
