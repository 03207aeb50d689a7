"""A peer's trainer on a folder of train-data.ts: python peer-train.py FOLDER lightgbm|xgboost|scikit-learn

One thread, default parameters, which are those of train-subject.ts; scores of the test rows go to FOLDER/scores.f64.
"""

import json
import resource
import sys
import time

import numpy as np

folder, peer = sys.argv[1:]
columns = json.load(open(f"{folder}/columns.json"))


def table(name):
    values = np.fromfile(f"{folder}/{name}.f32", dtype=np.float32).reshape(len(columns), -1)
    return np.ascontiguousarray(values.T), np.fromfile(f"{folder}/{name}.f64")


categories = [index for index, column in enumerate(columns) if "categories" in column]
x, y = table("training")
if peer == "scikit-learn":
    from sklearn.ensemble import RandomForestClassifier

    def train():
        model = RandomForestClassifier(n_estimators=100, n_jobs=1, random_state=1).fit(x, y)
        return lambda rows: model.predict_proba(rows)[:, 1]

elif peer == "lightgbm":
    import lightgbm

    def train():
        data = lightgbm.Dataset(x, y, categorical_feature=categories)
        model = lightgbm.train({"objective": "binary", "num_threads": 1, "verbose": -1}, data, 100)
        return model.predict

else:
    import xgboost

    # leaves instead of levels, as the others grow them
    leaves = {"tree_method": "hist", "grow_policy": "lossguide", "max_leaves": 31, "max_depth": 0, "eta": 0.1}
    types = ["c" if index in categories else "q" for index in range(len(columns))]

    def matrix(values, targets=None):
        return xgboost.DMatrix(values, targets, feature_types=types, enable_categorical=True, nthread=1)

    def train():
        model = xgboost.train({"objective": "binary:logistic", "nthread": 1, **leaves}, matrix(x, y), 100)
        return lambda rows: model.predict(matrix(rows))


started, cpu = time.perf_counter(), time.process_time()
predict = train()
seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
megabytes = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
rows, _ = table("test")
np.asarray(predict(rows), dtype=np.float64).tofile(f"{folder}/scores.f64")
print(json.dumps({"seconds": seconds, "cpuSeconds": cpu_seconds, "megabytes": megabytes}))
