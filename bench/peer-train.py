"""LightGBM's boosting or scikit-learn's forest on a folder of train-data.ts: python peer-train.py FOLDER boosting|forest

One thread, default parameters, which are those of train-subject.ts; scores of the test rows go to FOLDER/scores.f64.
"""

import json
import resource
import sys
import time

import numpy as np

folder, kind = sys.argv[1:]
columns = json.load(open(f"{folder}/columns.json"))


def table(name):
    values = np.fromfile(f"{folder}/{name}.f32", dtype=np.float32).reshape(len(columns), -1)
    return np.ascontiguousarray(values.T), np.fromfile(f"{folder}/{name}.f64")


if kind == "forest":
    from sklearn.ensemble import RandomForestClassifier
else:
    import lightgbm

x, y = table("training")
started, cpu = time.perf_counter(), time.process_time()
if kind == "forest":
    model = RandomForestClassifier(n_estimators=100, n_jobs=1, random_state=1).fit(x, y)
else:
    categories = [index for index, column in enumerate(columns) if "categories" in column]
    data = lightgbm.Dataset(x, y, categorical_feature=categories)
    model = lightgbm.train({"objective": "binary", "num_threads": 1, "verbose": -1}, data, 100)
seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
megabytes = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
rows, _ = table("test")
scores = model.predict_proba(rows)[:, 1] if kind == "forest" else model.predict(rows)
np.asarray(scores, dtype=np.float64).tofile(f"{folder}/scores.f64")
print(json.dumps({"seconds": seconds, "cpuSeconds": cpu_seconds, "megabytes": megabytes}))
