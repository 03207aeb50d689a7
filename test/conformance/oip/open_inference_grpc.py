"""The gRPC stubs of the protocol's working group: the six calls of the protocol itself, without Triton's extensions."""

import grpc
from checks import Checks, read_target
from open_inference.grpc import protocol
from open_inference.grpc.service import GRPCInferenceServiceStub

import samples

FIELDS = {"flag": "bool_contents", "count": "int64_contents", "weight": "fp32_contents", "word": "bytes_contents"}


def request_of(values, **more):
    request = protocol.ModelInferRequest(model_name="mixed", **more)
    for name, field in FIELDS.items():
        one = request.inputs.add(name=name, datatype=samples.DATATYPES_OF_MIXED[name], shape=values[name].shape)
        getattr(one.contents, field).extend(values[name].flatten().tolist())
    return request


def values_of(response, index, field):
    """Of an output, from typed or raw contents."""
    one = response.outputs[index]
    if not response.raw_output_contents:
        return list(getattr(one.contents, field))
    datatype = samples.NUMPY[one.datatype]
    return samples.np.frombuffer(response.raw_output_contents[index], datatype).tolist()


def main(target):
    run = Checks("open-inference-grpc", "gRPC")
    with grpc.insecure_channel(target.grpc_address) as channel:
        calls = GRPCInferenceServiceStub(channel)
        with run.check("health"):
            assert calls.ServerLive(protocol.ServerLiveRequest()).live
            assert calls.ServerReady(protocol.ServerReadyRequest()).ready
            assert calls.ModelReady(protocol.ModelReadyRequest(name="mixed")).ready
        with run.check("metadata"):
            assert calls.ServerMetadata(protocol.ServerMetadataRequest()).name
            metadata = calls.ModelMetadata(protocol.ModelMetadataRequest(name="mixed", version=target.version))
            assert [one.datatype for one in metadata.inputs] == list(samples.DATATYPES_OF_MIXED.values()), metadata
        values = samples.mixed(3)
        answer = samples.mixed_answer(values)
        with run.check("infer with contents"):
            request = request_of(values, id="order-42")
            request.parameters["priority"].int64_param = 1
            response = calls.ModelInfer(request)
            assert response.id == "order-42" and response.model_name == "mixed", response
            assert values_of(response, 0, "fp64_contents") == answer["weighted"].flatten().tolist()
            assert values_of(response, 1, "int64_contents") == answer["stacked"].flatten().tolist()
        with run.check("unknown model refused"):
            try:
                calls.ModelInfer(protocol.ModelInferRequest(model_name="nothing"))
            except grpc.RpcError as error:
                assert error.code().name in ("NOT_FOUND", "INVALID_ARGUMENT") and error.details(), error
            else:
                raise AssertionError("it was not refused")
    run.end()


if __name__ == "__main__":
    main(read_target())
