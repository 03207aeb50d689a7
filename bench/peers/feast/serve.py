"""Feast's online feature server over Redis: python serve.py FOLDER REDIS PORT ENTITIES FIELDS

Its features are those of the hashes bench:e0, bench:e1, ... of REDIS (host:port), f0, f1, ..., read through a feature service, as its documentation
recommends. What it keeps goes to FOLDER.
"""

import os
import sys
from datetime import datetime, timedelta, timezone

os.environ["FEAST_USAGE"] = "False"

import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64
from redis import Redis

folder, address, port, entities, fields = sys.argv[1:]
host, _, redis_port = address.partition(":")
names = [f"f{index}" for index in range(int(fields))]
ids = [f"e{index}" for index in range(int(entities))]

with open(f"{folder}/feature_store.yaml", "w") as file:
    file.write(
        f"""project: bench
provider: local
registry: {folder}/registry.db
online_store:
  type: redis
  connection_string: {address}
entity_key_serialization_version: 3
"""
    )

values = []
with Redis(host, int(redis_port)) as redis:
    for entity in ids:
        values.append([float(value) for value in redis.hmget(f"bench:{entity}", names)])
now = datetime.now(timezone.utc)
table = pd.DataFrame(values, columns=names).assign(wide_id=ids, event_timestamp=now)
table.to_parquet(f"{folder}/wide.parquet")

entity = Entity(name="wide", join_keys=["wide_id"], value_type=ValueType.STRING)
view = FeatureView(
    name="wide",
    entities=[entity],
    ttl=timedelta(days=1),
    schema=[Field(name=name, dtype=Float64) for name in names],
    source=FileSource(path=f"{folder}/wide.parquet", timestamp_field="event_timestamp"),
)
store = FeatureStore(repo_path=folder)
store.apply([entity, view, FeatureService(name="wide_service", features=[view])])
store.write_to_online_store("wide", table)

feast = os.path.join(os.path.dirname(sys.executable), "feast")
# A worker that starts over in the middle would be measured too.
serve = ["serve", "--port", port, "--workers", "1", "--no-access-log", "--max-requests", "1000000000"]
os.execv(feast, [feast, "--chdir", folder, *serve])
