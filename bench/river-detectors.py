"""Updates a second of River's drift detectors, as JSON, on normal values made before: the peer of detectors.bench.ts."""
import json
import random
import time

from river import drift

VALUES = 200_000
ROUNDS = 3


def per_second(create, values):
    best = 0.0
    for _ in range(ROUNDS):
        detector = create()
        started = time.perf_counter()
        for value in values:
            detector.update(value)
        best = max(best, len(values) / (time.perf_counter() - started))
    return best


if __name__ == "__main__":
    generator = random.Random(1)
    normal = [generator.gauss(0, 1) for _ in range(VALUES)]
    print(json.dumps({
        "ADWIN": per_second(drift.ADWIN, normal),
        "Page-Hinkley": per_second(drift.PageHinkley, normal),
        "KSWIN": per_second(lambda: drift.KSWIN(seed=1), normal[: VALUES // 100]),
    }))
