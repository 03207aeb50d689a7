"""Every kind of JSON answer against the protocol's OpenAPI file: the schemas of the package generated from it, and the file itself with --openapi."""

import json
import urllib.error
import urllib.request

import jsonschema
import yaml
from checks import Checks, read_target
from open_inference.openapi import types

import samples

PACKAGED = {
    "metadata_server_response": types.MetadataServerResponse,
    "metadata_model_response": types.MetadataModelResponse,
    "inference_response": types.InferenceResponse,
    "inference_error_response": types.InferenceErrorResponse,
}


def schemas(target):
    """A validator by name of the schema, and where they are from."""
    yield "open-inference-openapi", {name: model.schema() for name, model in PACKAGED.items()}
    if target.openapi is not None:
        with open(target.openapi) as file:
            components = yaml.safe_load(file)["components"]
        yield "the OpenAPI file", {name: {"$ref": f"#/components/schemas/{name}", "components": components} for name in PACKAGED}


def ask(target, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(target.url + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def tensor(name, datatype, values):
    data = [one.decode() if isinstance(one, bytes) else one for one in values.flatten().tolist()]
    return {"name": name, "datatype": datatype, "shape": list(values.shape), "data": data}


def answers(target):
    """What was asked, the status that it must have, the schema of its answer, and the answer."""
    version = f"/versions/{target.version}"
    for path in ["/v2", "/v2/"]:
        yield path, 200, "metadata_server_response", ask(target, path)
    for model in ["mixed", "bench-trees", *map(samples.identity, samples.NUMPY)]:
        for path in [f"/v2/models/{model}", f"/v2/models/{model}{version}"]:
            yield path, 200, "metadata_model_response", ask(target, path)
    for datatype in samples.NUMPY:
        if datatype == "FP16":
            continue  # has no JSON form in the protocol
        body = {"inputs": [tensor("x", datatype, samples.extremes(datatype))]}
        model = samples.identity(datatype)
        yield f"infer of {model}", 200, "inference_response", ask(target, f"/v2/models/{model}/infer", body)
    values = samples.mixed(2)
    inputs = [tensor(name, samples.DATATYPES_OF_MIXED[name], values[name]) for name in values]
    for more in [{}, {"id": "42", "parameters": {"priority": 1, "note": "any"}}, {"outputs": [{"name": "stacked"}]}]:
        body = {"inputs": inputs, **more}
        yield f"infer of mixed with {list(more)}", 200, "inference_response", ask(target, f"/v2/models/mixed{version}/infer", body)
    for what, body in {"no inputs": {}, "empty": {"inputs": []}, "unknown tensor": {"inputs": [{**inputs[0], "name": "z"}]}}.items():
        yield f"refused: {what}", 400, "inference_error_response", ask(target, "/v2/models/mixed/infer", body)
    for path in ["/v2/models/nothing", "/v2/models/nothing/ready", f"/v2/models/nothing{version}"]:
        yield path, 404, "inference_error_response", ask(target, path)


def main(target):
    run = Checks("open-inference-openapi", "HTTP")
    documents = dict(schemas(target))
    for what, wanted, name, (status, answer) in answers(target):
        with run.check(f"JSON as described: {what}"):
            assert status == wanted, f"{status}: {answer}"
            for source, by_name in documents.items():
                try:
                    jsonschema.validate(answer, by_name[name])
                except jsonschema.ValidationError as error:
                    raise AssertionError(f"{source}: {error.message} at {error.json_path}") from None
    run.end()


if __name__ == "__main__":
    main(read_target())
