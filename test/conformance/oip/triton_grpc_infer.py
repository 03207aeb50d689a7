"""tritonclient over gRPC: raw contents by its own calls, typed contents by its bare protocol."""

import queue

import grpc
import tritonclient.grpc as triton
from checks import Checks, read_target
from triton_grpc import CONTENTS, connect, mixed_inputs, answer_of, stub, tensor, with_contents

import samples


def check_raw(run, client, target):
    values = samples.mixed(5)
    answer = samples.mixed_answer(values)
    inputs = mixed_inputs(values)
    with run.check("raw: every output"):
        result = client.infer("mixed", inputs)
        for name in answer:
            samples.same(result.as_numpy(name), answer[name])
        assert result.get_response().model_name == "mixed" and result.get_response().model_version == target.version
    with run.check("raw: one output selected, versioned, id echoed"):
        outputs = [triton.InferRequestedOutput("stacked")]
        result = client.infer("mixed", inputs, target.version, outputs, request_id="order-42")
        assert [one.name for one in result.get_response().outputs] == ["stacked"] and result.get_response().id == "order-42"
        samples.same(result.as_numpy("stacked"), answer["stacked"])
    with run.check("raw: parameters priority, timeout, the caller's own"):
        parameters = {"note": "any", "number": 3, "flag": True}
        result = client.infer("mixed", inputs, priority=1, timeout=10_000_000, parameters=parameters)
        samples.same(result.as_numpy("stacked"), answer["stacked"])
    for how in ["gzip", "deflate"]:
        with run.check(f"raw: {how}"):
            samples.same(client.infer("mixed", inputs, compression_algorithm=how).as_numpy("weighted"), answer["weighted"])
    with run.check("raw: many requests in flight"):
        answers = queue.Queue()
        asked = {str(one): samples.mixed(one + 1, seed=one) for one in range(64)}
        for id_, each in asked.items():
            client.async_infer("mixed", mixed_inputs(each), lambda result, error: answers.put((result, error)), request_id=id_)
        for _ in asked:
            result, error = answers.get(timeout=30)
            assert error is None, error
            wanted = samples.mixed_answer(asked[result.get_response().id])
            samples.same(result.as_numpy("stacked"), wanted["stacked"])
    with run.check("raw: a stream of requests"):
        answers = queue.Queue()
        client.start_stream(lambda result, error: answers.put((result, error)))
        try:
            for id_, each in asked.items():
                client.async_stream_infer("mixed", mixed_inputs(each), request_id=id_)
            for _ in asked:
                result, error = answers.get(timeout=30)
                assert error is None, error
                wanted = samples.mixed_answer(asked[result.get_response().id])
                samples.same(result.as_numpy("weighted"), wanted["weighted"])
        finally:
            client.stop_stream(cancel_requests=True)


def check_datatypes(run, client, calls):
    for datatype in samples.NUMPY:
        values = samples.extremes(datatype)
        model = samples.identity(datatype)
        with run.check(f"{datatype} raw"):
            samples.same(client.infer(model, [tensor("x", datatype, values)]).as_numpy("y"), values)
        if datatype in CONTENTS:
            with run.check(f"{datatype} contents"):
                samples.same(answer_of(calls.ModelInfer(with_contents(model, x=(datatype, values))))["y"], values)
        if datatype.startswith("FP"):
            with run.check(f"{datatype} raw, NaN and infinities"):
                odd = samples.not_numbers(datatype)
                samples.same(client.infer(model, [tensor("x", datatype, odd)]).as_numpy("y"), odd)


def main(target):
    run = Checks("tritonclient", "gRPC")
    client = connect(target)
    check_raw(run, client, target)
    with grpc.insecure_channel(target.grpc_address) as channel:
        calls = stub(channel)
        with run.check("contents: every output, id echoed"):
            values = samples.mixed(5)
            tensors = {name: (samples.DATATYPES_OF_MIXED[name], values[name]) for name in values}
            request = with_contents("mixed", **tensors)
            request.id = "order-42"
            response = calls.ModelInfer(request)
            assert response.id == "order-42", response.id
            answer = answer_of(response)
            for name, wanted in samples.mixed_answer(values).items():
                samples.same(answer[name], wanted)
        with run.check("contents in the answer too, where binary_data_output is false"):
            request.parameters["binary_data_output"].bool_param = False
            response = calls.ModelInfer(request)
            assert not response.raw_output_contents
            samples.same(answer_of(response)["stacked"], samples.mixed_answer(values)["stacked"])
        check_datatypes(run, client, calls)
    client.close()
    run.end()


if __name__ == "__main__":
    main(read_target())
