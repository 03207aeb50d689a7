"""Evidently's drift report over two tables of float32 columns: python evidently-drift.py FOLDER FEATURES"""

import json
import resource
import sys
import time

import numpy as np
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

folder, features = sys.argv[1], int(sys.argv[2])


def table(name):
    values = np.fromfile(f"{folder}/{name}.f32", dtype=np.float32).reshape(features, -1)
    return pd.DataFrame({f"f{index}": values[index] for index in range(features)})


reference, current = table("reference"), table("current")
started = time.perf_counter()
Report([DataDriftPreset()]).run(current, reference)
seconds = time.perf_counter() - started
megabytes = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(json.dumps({"seconds": seconds, "megabytes": megabytes}))
