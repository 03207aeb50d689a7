"""pydantic-open-inference: a remote model declared as two classes, checked against the server's metadata."""

from typing import Annotated, NamedTuple

from checks import Checks, read_target
from pydantic_open_inference import DatatypeOverride, InputsBaseModel, OutputsBaseModel, RemoteModel


class Three(NamedTuple):
    a: float
    b: float
    c: float


class Whole(NamedTuple):
    a: int
    b: int
    c: int


class Flag(NamedTuple):
    flag: bool


class Word(NamedTuple):
    word: str


class Inputs(InputsBaseModel):
    flag: list[Flag]
    count: list[Whole]
    weight: list[Three]
    word: list[Word]


class Weighted(OutputsBaseModel):
    weighted: list[Three]


class Outputs(Weighted):
    """The client cannot check three dimensions against metadata."""

    stacked: list[tuple[Whole, Whole]]


class Bytes(InputsBaseModel):
    x: Annotated[list[Whole], DatatypeOverride("UINT8")]


class BytesOut(OutputsBaseModel):
    y: list[Whole]


def main(target):
    run = Checks("pydantic-open-inference", "HTTP")
    for version in [None, target.version]:
        named = "versioned" if version else "unversioned"
        where = {"model_name": "mixed", "inputs_model": Inputs, "server_url": target.url, "model_version": version}
        one = RemoteModel(outputs_model=Weighted, **where)
        with run.check(f"ready, {named}"):
            assert one.is_ready() is True
        with run.check(f"metadata agrees with the classes, {named}"):
            one.validate()
        rows = Inputs(flag=[(True,), (False,)], count=[(1, 2, 3), (4, 5, 6)], weight=[(0.5, 1, 2)] * 2, word=[("ten",), ("?",)])
        with run.check(f"infer, one output, {named}"):
            assert one.infer(rows).weighted == [(0.5, 2, 6), (-2, -5, -12)]
        with run.check(f"infer, both outputs, {named}"):
            answer = RemoteModel(outputs_model=Outputs, **where).infer(rows)
            assert answer.weighted == [(0.5, 2, 6), (-2, -5, -12)], answer
            assert answer.stacked == [((1, 2, 3), (11, 12, 13)), ((4, 5, 6), (4, 5, 6))], answer
    with run.check("another datatype"):
        model = RemoteModel(model_name="identity-uint8", inputs_model=Bytes, outputs_model=BytesOut, server_url=target.url)
        model.validate()
        assert model.infer(Bytes(x=[(0, 128, 255)])).y == [(0, 128, 255)]
    run.end()


if __name__ == "__main__":
    main(read_target())
