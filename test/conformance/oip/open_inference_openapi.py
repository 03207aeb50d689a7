"""The client generated from the protocol's OpenAPI file, of its working group: everything that file describes, in JSON."""

from checks import Checks, read_target
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.core.api_error import ApiError
from open_inference.openapi.types import InferenceRequest, RequestInput, RequestOutput, TensorData

import samples


def request_of(values, **more):
    inputs = [
        RequestInput(
            name=name,
            datatype=samples.DATATYPES_OF_MIXED[name],
            shape=list(values[name].shape),
            data=TensorData.construct(__root__=plain(values[name])),
        )
        for name in values
    ]
    return InferenceRequest(inputs=inputs, **more)


def plain(values):
    """Flat, texts decoded."""
    return [one.decode() if isinstance(one, bytes) else one for one in values.flatten().tolist()]


def check_answer(response, answer, names):
    assert [one.name for one in response.outputs] == names, response.outputs
    for one in response.outputs:
        wanted = answer[one.name]
        assert one.shape == list(wanted.shape), one.shape
        assert one.data.dict()["__root__"] == wanted.flatten().tolist(), one.name


def refused(ask, *statuses):
    try:
        ask()
    except ApiError as error:
        body = getattr(error.body, "dict", lambda: error.body)()
        assert error.status_code in statuses and body["error"], f"{error.status_code}: {body}"
    else:
        raise AssertionError("it was not refused")


def main(target):
    run = Checks("open-inference-openapi", "HTTP")
    client = OpenInferenceClient(base_url=target.url)
    with run.check("health"):
        client.check_server_liveness()
        client.check_server_readiness()
        client.check_model_readiness("mixed")
        client.check_model_version_readiness("mixed", target.version)
    with run.check("server metadata"):
        metadata = client.read_server_metadata()
        assert metadata.name and metadata.version and metadata.extensions, metadata
    with run.check("model metadata"):
        for metadata in [client.read_model_metadata("mixed"), client.read_model_version_metadata("mixed", target.version)]:
            assert metadata.name == "mixed" and metadata.platform and target.version in metadata.versions, metadata
            assert [one.datatype for one in metadata.inputs] == ["BOOL", "INT64", "FP32", "BYTES"], metadata.inputs
    values = samples.mixed(3)
    values["count"] //= 2**40  # exact as a float
    answer = samples.mixed_answer(values)
    with run.check("infer"):
        response = client.model_infer("mixed", request=request_of(values, id="order-42", parameters={"note": "any"}))
        assert response.model_name == "mixed" and response.model_version == target.version and response.id == "order-42"
        check_answer(response, answer, ["weighted", "stacked"])
    with run.check("infer, versioned, one output"):
        request = request_of(values, outputs=[RequestOutput(name="stacked")])
        check_answer(client.model_version_infer("mixed", target.version, request=request), answer, ["stacked"])
    with run.check("infer, whole numbers as the client's own parsing writes them: 1.0"):
        inputs = [RequestInput(name="x", datatype="INT64", shape=[1, 3], data=TensorData.parse_obj([1, -2, 3]))]
        (output,) = client.model_infer("identity-int64", request=InferenceRequest(inputs=inputs)).outputs
        assert output.data.dict()["__root__"] == [1, -2, 3], output
    with run.check("unknown model refused"):
        refused(lambda: client.model_infer("nothing", request=request_of(values)), 400, 404)
        refused(lambda: client.check_model_readiness("nothing"), 400, 404)
    with run.check("unknown output refused"):
        refused(lambda: client.model_infer("mixed", request=request_of(values, outputs=[RequestOutput(name="z")])), 400)
    run.end()


if __name__ == "__main__":
    main(read_target())
