"""tritonclient's asyncio clients, which have HTTP and gRPC libraries of their own: many requests in flight, each way."""

import asyncio

import tritonclient.grpc.aio as over_grpc
import tritonclient.http.aio as over_http
from checks import Checks, read_target
from triton_grpc import mixed_inputs as grpc_inputs
from triton_http import mixed_inputs as http_inputs
from tritonclient.utils import InferenceServerException

import samples

REQUESTS = 64


async def ask(client, inputs, number):
    values = samples.mixed(number + 1, seed=number)
    result = await client.infer("mixed", inputs(values), request_id=str(number))
    response = result.get_response()
    assert (response["id"] if isinstance(response, dict) else response.id) == str(number), response
    for name, wanted in samples.mixed_answer(values).items():
        samples.same(result.as_numpy(name), wanted)


async def check_client(run, client, inputs):
    with run.check("asyncio: health and metadata"):
        assert await client.is_server_live() and await client.is_server_ready() and await client.is_model_ready("mixed")
        await client.get_server_metadata()
        await client.get_model_metadata("mixed")
        await client.get_model_config("mixed")
        await client.get_inference_statistics("mixed")
    with run.check("asyncio: many requests in flight"):
        await asyncio.gather(*(ask(client, inputs, number) for number in range(REQUESTS)))
    with run.check("asyncio: refused"):
        try:
            await client.infer("mixed", inputs(samples.mixed(1))[:-1])
        except InferenceServerException as error:
            assert error.status() in ("400", "StatusCode.INVALID_ARGUMENT") and error.message(), error
        else:
            raise AssertionError("it was not refused")


async def main(target):
    http, grpc = Checks("tritonclient", "HTTP"), Checks("tritonclient", "gRPC")
    async with over_http.InferenceServerClient(target.url.removeprefix("http://"), conn_limit=16) as client:
        await check_client(http, client, http_inputs)
        for coding in ["gzip", "deflate"]:
            with http.check(f"asyncio: {coding} both ways"):
                values = samples.mixed(100)
                how = {"request_compression_algorithm": coding, "response_compression_algorithm": coding}
                result = await client.infer("mixed", http_inputs(values), **how)
                samples.same(result.as_numpy("stacked"), samples.mixed_answer(values)["stacked"])
    async with over_grpc.InferenceServerClient(target.grpc_address) as client:
        await check_client(grpc, client, grpc_inputs)
    http.failed += grpc.failed
    http.end()


if __name__ == "__main__":
    asyncio.run(main(read_target()))
