"""KServe's InferenceGRPCClient: health and infer of every datatype, raw as it sends them."""

import asyncio

from checks import Checks, read_target
from kserve import InferenceGRPCClient, InferRequest
from kserve_rest import mixed_request, tensor

import samples


async def check_all(run, client):
    with run.check("server live and ready, model ready"):
        assert await client.is_server_live() is True
        assert await client.is_server_ready() is True
        assert await client.is_model_ready("mixed") is True
    values = samples.mixed(4)
    for binary in [True, False]:
        with run.check(f"infer with {'raw contents' if binary else 'contents'}, id echoed"):
            response = await client.infer(mixed_request(values, binary, request_id="order-42"))
            assert response.id == "order-42" and response.model_name == "mixed", response
            for name, wanted in samples.mixed_answer(values).items():
                samples.same(response.get_output_by_name(name).as_numpy(), wanted)
    for datatype in samples.NUMPY:
        with run.check(f"{datatype} raw"):
            sample = samples.extremes(datatype)
            request = InferRequest(samples.identity(datatype), [tensor("x", datatype, sample, True)])
            response = await client.infer(request)
            samples.same(response.outputs[0].as_numpy(), sample)


async def main(target):
    run = Checks("kserve", "gRPC")
    async with InferenceGRPCClient(target.grpc_address, timeout=30) as client:
        await check_all(run, client)
    run.end()


if __name__ == "__main__":
    asyncio.run(main(read_target()))
