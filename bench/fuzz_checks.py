"""What the fuzz adds to schemathesis: names that the engine knows, which server errors are honest, and a count of all answers.

Half of what is generated gets names and features that exist, so that more than the first check is reached. The choice follows
from the generated value alone, so that a seed repeats a run.
"""

import atexit
import json
import os
import re
import zlib
from collections import Counter

import hypothesis
import schemathesis

KNOWN = {
    "name": ["card-fraud", "card", "merchant", "drift-incident"],
    "model": ["card-fraud"],
    "model_name": ["card-fraud"],
    "version": ["1.0.0", "production"],
    "id": ["card-fraud@1.0.0"],
    "set": ["card", "merchant"],
    "feature_set": ["card", "merchant"],
}
NAME = re.compile("[a-z][a-z0-9_-]{0,62}")
TEXT = re.compile("[^\\x00]{1,128}")
RIGHT = {name: TEXT if name in ("version", "id", "set", "feature_set") else NAME for name in KNOWN}
FEATURES = {
    "amount": 42.5,
    "hour": 14,
    "merchant_category": "grocery",
    "country": "DE",
    "card_present": True,
    "transactions_1h": 1,
    "amount_avg_30d": 38.2,
    "amount_ratio": 1.1,
    "distance_km": 3.4,
    "merchant_transactions_10m": 4,
    "merchant_amount_avg_24h": 44.9,
}
answers = Counter()

# Climbing towards more successes takes more time than all that is generated: what is here for that is done by the names above.
hypothesis.target = lambda *_args, **_named: None


def number_of(value):
    return zlib.crc32(json.dumps(value, sort_keys=True, default=str).encode())


def with_known(fields, name):
    """What is wrong stays as it is: it is to be refused."""
    value = fields[name]
    number = number_of(value)
    known = KNOWN.get(name)
    if isinstance(value, str) and known and RIGHT[name].fullmatch(value) and number % 2 == 0:
        return known[number // 2 % len(known)]
    if name == "features" and isinstance(value, dict) and number % 2 == 0:
        if all(not isinstance(one, (dict, list)) for one in value.values()):
            return {**FEATURES, **(value if number % 8 == 0 else {})}
    return value


def with_known_fields(fields):
    if not isinstance(fields, dict):
        return fields
    return {name: with_known(fields, name) for name in fields}


@schemathesis.hook
def map_path_parameters(ctx, path_parameters):
    return with_known_fields(path_parameters)


@schemathesis.hook
def map_query(ctx, query):
    return with_known_fields(query)


@schemathesis.hook
def map_headers(ctx, headers):
    """The HTTP library closes the connection for names with other characters, legal as they are."""
    if not isinstance(headers, dict):
        return headers
    return {name: value for name, value in headers.items() if re.fullmatch("[A-Za-z0-9-]+", name)}


@schemathesis.hook
def map_body(ctx, body):
    return with_known_fields(body)


@schemathesis.hook
def after_call(ctx, case, response):
    answers[response.status_code] += 1


@schemathesis.check
def honest_server_errors(ctx, response, case):
    """503 says when to come back (/ready: that nothing is in production, once a request took it out), and 504 is a deadline that the request set."""
    status = response.status_code
    if status < 500:
        return
    text = response.content.decode("utf-8", "replace")
    has_retry_after = "retry-after" in {name.lower() for name in response.headers}
    if status == 503 and (has_retry_after or case.path == "/ready"):
        return
    if status == 504 and ('"DEADLINE_EXCEEDED"' in text or "the deadline passed" in text):
        return
    raise AssertionError(f"{status} is no honest answer: {text[:500]}")


@atexit.register
def write_answers():
    with open(os.environ["FUZZ_ANSWERS"], "w", encoding="utf-8") as file:
        json.dump(answers, file)
