"""tritonclient over HTTP: the forms of a request and of its answer."""

import tritonclient.http as triton
from checks import Checks, read_target
from triton_http import connect, mixed_inputs, tensor

import samples


def wanted_outputs(**binary):
    return [triton.InferRequestedOutput(name, binary_data=one) for name, one in binary.items()]


def is_binary(result, name):
    return "binary_data_size" in result.get_output(name).get("parameters", {})


def check_mixed(run, client, name, inputs, outputs=None, binary=(), **how):
    """All requested outputs are right, and binary exactly where `binary` says so."""
    with run.check(name):
        values, tensors = inputs
        result = client.infer("mixed", tensors, outputs=outputs, **how)
        response = result.get_response()
        assert response["model_name"] == "mixed", response
        names = {one["name"] for one in response["outputs"]}
        answer = samples.mixed_answer(values)
        assert names == ({one.name() for one in outputs} if outputs else set(answer)), names
        for one in names:
            samples.same(result.as_numpy(one), answer[one])
            assert is_binary(result, one) == (one in binary), response
        return response


def main(target):
    run = Checks("tritonclient", "HTTP")
    client = connect(target)
    values = samples.mixed(5)
    plain = (values, mixed_inputs(values))
    texts = (values, mixed_inputs(values, binary_data=False))
    both = (values, [one for index, name in enumerate(values) for one in [(texts if index % 2 else plain)[1][index]]])
    all_binary = ("weighted", "stacked")
    check_mixed(run, client, "binary in, binary out: the default", plain, binary=all_binary)
    check_mixed(run, client, "JSON in, JSON out", texts, wanted_outputs(weighted=False, stacked=False))
    check_mixed(run, client, "JSON in, binary out", texts, binary=all_binary)
    check_mixed(run, client, "binary in, JSON out", plain, wanted_outputs(weighted=False, stacked=False))
    check_mixed(run, client, "binary and JSON inputs in one request", both, binary=all_binary)
    check_mixed(run, client, "binary and JSON outputs in one answer", plain, wanted_outputs(weighted=False, stacked=True), ["stacked"])
    check_mixed(run, client, "one output selected", plain, wanted_outputs(stacked=True), ["stacked"])
    check_mixed(run, client, "both outputs selected, the last one first", plain, wanted_outputs(stacked=True, weighted=True), all_binary)
    check_mixed(run, client, "versioned URL", plain, binary=all_binary, model_version=target.version)
    check_mixed(run, client, "parameters priority and timeout", plain, binary=all_binary, priority=1, timeout=10_000_000)
    check_mixed(run, client, "parameters of the caller's own", plain, binary=all_binary, parameters={"note": "any", "number": 3, "flag": True})
    large = samples.mixed(100)  # no small answer is worth packing
    packed, packed_texts = (large, mixed_inputs(large)), (large, mixed_inputs(large, binary_data=False))
    for one in ["gzip", "deflate"]:
        check_mixed(run, client, f"{one} request", packed, binary=all_binary, request_compression_algorithm=one)
        check_mixed(run, client, f"{one} response", packed, binary=all_binary, response_compression_algorithm=one)
        check_mixed(
            run, client, f"{one} both ways, JSON", packed_texts, wanted_outputs(weighted=False, stacked=False),
            request_compression_algorithm=one, response_compression_algorithm=one,
        )  # fmt: skip
    with run.check("id echoed, model version named"):
        response = client.infer("mixed", plain[1], request_id="order-42").get_response()
        assert response["id"] == "order-42" and response["model_version"] == target.version, response
    with run.check("one row, and 200 rows"):
        for rows in [1, 200]:
            many = samples.mixed(rows, seed=rows)
            result = client.infer("mixed", mixed_inputs(many))
            samples.same(result.as_numpy("stacked"), samples.mixed_answer(many)["stacked"])
    with run.check("an ordinary model, binary and JSON alike"):
        rows = samples.extremes("FP32").astype("float32").repeat(10, axis=1).clip(-3, 3)
        answers = [client.infer("bench-trees", [tensor("features", "FP32", rows, **how)]) for how in [{}, {"binary_data": False}]]
        probabilities = [one.as_numpy("probabilities") for one in answers]
        samples.same(*probabilities)
        assert probabilities[0].shape == (2, 2) and abs(probabilities[0].sum(axis=1) - 1).max() < 1e-6, probabilities
    client.close()
    run.end()


if __name__ == "__main__":
    main(read_target())
