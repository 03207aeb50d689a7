"""NannyML's univariate drift over two tables of float32 columns by its defaults: python nannyml-drift.py FOLDER FEATURES"""

import json
import os
import resource
import sys
import time

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import numpy as np
import pandas as pd

folder, features = sys.argv[1], int(sys.argv[2])


def table(name):
    values = np.fromfile(f"{folder}/{name}.f32", dtype=np.float32).reshape(features, -1)
    return pd.DataFrame({f"f{index}": values[index] for index in range(features)})


reference, current = table("reference"), table("current")
started = time.perf_counter()
calculator = nannyml.UnivariateDriftCalculator(column_names=list(reference))
calculator.fit(reference).calculate(current)
seconds = time.perf_counter() - started
megabytes = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(json.dumps({"seconds": seconds, "megabytes": megabytes}))
