"""Trains the sample model `card-fraud` and writes engine/sample/card-fraud/model.onnx, and background.json for explanations.

    pip install -r test/fixtures/requirements.txt
    npm run build
    node dist/engine/sample/print-card-fraud.js 60000 1 > train.csv
    node dist/engine/sample/print-card-fraud.js 40000 2 > holdout.csv
    python engine/sample/train-card-fraud.py train.csv holdout.csv

The inputs, their order and their categories are read from model.json; the hold-out AUC is written into its
description. Both files come from the same generator with different seeds.
"""
import csv
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

FOLDER = Path(__file__).parent / "card-fraud"
TOLERANCE = 1e-5
BACKGROUND_ROWS = 100


def encode(spec, text):
    if spec["type"] == "category":
        return spec["categories"].index(text)
    if spec["type"] == "bool":
        return float(text == "true")
    return float(text)


def read(path, manifest):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    features = [[encode(spec, row[spec["name"]]) for spec in manifest["inputs"]] for row in rows]
    labels = [manifest["classes"].index(row["label"]) for row in rows]
    return np.array(features, dtype=np.float32), np.array(labels)


def write_background(features):
    """Training rows, evenly spread; float32 as its shortest decimal."""
    rows = features[:: len(features) // BACKGROUND_ROWS][:BACKGROUND_ROWS]
    lines = ["[" + ", ".join(map(str, row)) + "]" for row in rows]
    (FOLDER / "background.json").write_text('{"rows": [\n' + ",\n".join(lines) + "\n]}\n")


def main(train_path, holdout_path):
    manifest = json.loads((FOLDER / "model.json").read_text())
    features, labels = read(train_path, manifest)
    holdout, holdout_labels = read(holdout_path, manifest)
    model = GradientBoostingClassifier(
        n_estimators=120, max_depth=3, learning_rate=0.1, subsample=0.8, min_samples_leaf=50, random_state=1
    ).fit(features, labels)
    content = to_onnx(
        model,
        initial_types=[(manifest["input_tensor"], FloatTensorType([None, features.shape[1]]))],
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
    ).SerializeToString()

    expected = model.predict_proba(holdout)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    got = session.run([manifest["outputs"][0]["name"]], {manifest["input_tensor"]: holdout})[0]
    if not np.max(np.abs(got - expected)) <= TOLERANCE:
        raise SystemExit("the ONNX file differs from scikit-learn")

    auc = roc_auc_score(holdout_labels, expected[:, 1])
    manifest["description"] = (
        "Is a card payment fraud? Boosted trees on made-up transactions of the project's own generator. "
        f"ROC AUC {auc:.3f} on {len(holdout_labels)} held-out transactions, {holdout_labels.mean():.1%} of them fraud."
    )
    (FOLDER / "model.onnx").write_bytes(content)
    write_background(features)
    (FOLDER / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(manifest["description"], f"{len(content)} bytes, train AUC {roc_auc_score(labels, model.predict_proba(features)[:, 1]):.3f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
