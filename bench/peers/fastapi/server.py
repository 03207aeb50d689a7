"""FastAPI with onnxruntime: POST /predict. MODEL and PORT come from the environment."""

# One worker with uvloop and httptools, no access log; `async def`, since a thread pool costs more than the model.

import os

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

NAMES = [f"f{index}" for index in range(30)]

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
app = FastAPI()


class Row(BaseModel):
    features: dict[str, float]


class Prediction(BaseModel):
    probability: float


@app.post("/predict")
async def predict(row: Row) -> Prediction:
    values = np.array([[row.features[name] for name in NAMES]], dtype=np.float32)
    (probabilities,) = session.run(["probabilities"], {"features": values})
    return Prediction(probability=float(probabilities[0, 1]))


uvicorn.run(
    app,
    host="127.0.0.1",
    port=int(os.environ["PORT"]),
    loop="uvloop",
    http="httptools",
    log_level="warning",
    access_log=False,
)
