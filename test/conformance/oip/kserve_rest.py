"""KServe's InferenceRESTClient, protocol v2: health and infer, binary (its default) and JSON."""

import asyncio

import httpx
from checks import Checks, read_target
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

import samples


def tensor(name, datatype, values, binary):
    one = InferInput(name=name, shape=list(values.shape), datatype=datatype)
    one.set_data_from_numpy(values, binary_data=binary)
    return one


def mixed_request(values, binary, **more):
    inputs = [tensor(name, samples.DATATYPES_OF_MIXED[name], values[name], binary) for name in values]
    return InferRequest(model_name="mixed", infer_inputs=inputs, **more)


async def check_all(run, client, target):
    with run.check("server live and ready, model ready"):
        assert await client.is_server_live(target.url) is True
        assert await client.is_server_ready(target.url) is True
        assert await client.is_model_ready(target.url, "mixed") is True
        assert await client.is_model_ready(target.url, "nothing") is False
    values = samples.mixed(4)
    answer = samples.mixed_answer(values)
    for binary in [True, False]:
        how = "binary" if binary else "JSON"
        with run.check(f"{how} infer, id echoed"):
            request = mixed_request(values, binary, request_id="order-42", parameters={"binary_data_output": binary})
            response = await client.infer(target.url, request, model_name="mixed")
            assert response.id == "order-42" and response.model_name == "mixed", response
            for name, wanted in answer.items():
                samples.same(response.get_output_by_name(name).as_numpy(), wanted)
        with run.check(f"{how} infer, one output selected"):
            outputs = [RequestedOutput("stacked", {"binary_data": binary})]
            request = mixed_request(values, binary, request_outputs=outputs)
            response = await client.infer(target.url, request, model_name="mixed")
            assert [one.name for one in response.outputs] == ["stacked"], response.outputs
            samples.same(response.outputs[0].as_numpy(), answer["stacked"])
        with run.check(f"{how} refused with the server's own words"):
            request = mixed_request({**values, "word": samples.mixed(5)["word"]}, binary)
            try:
                await client.infer(target.url, request, model_name="mixed")
            except httpx.HTTPStatusError as error:
                assert error.response.status_code == 400 and str(error).partition(",")[0], error
            else:
                raise AssertionError("it was not refused")
    for datatype in samples.NUMPY:
        with run.check(f"{datatype} binary"):
            sample = samples.extremes(datatype)
            model = samples.identity(datatype)
            inputs = [tensor("x", datatype, sample, True)]
            request = InferRequest(model_name=model, infer_inputs=inputs, parameters={"binary_data_output": True})
            response = await client.infer(target.url, request, model_name=model)
            samples.same(response.outputs[0].as_numpy(), sample)


async def main(target):
    run = Checks("kserve", "HTTP")
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=30)) as client:
        await check_all(run, client, target)
    run.end()


if __name__ == "__main__":
    asyncio.run(main(read_target()))
