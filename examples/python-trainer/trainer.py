"""A trainer for XGBOOST, LIGHTGBM and SCIKIT_LEARN: takes fits from the engine's work queue, one after the other (README.md).

    pull -> wanted? -> rows -> fit in a thread, watched every second -> ONNX -> answer -> acknowledge

Whoever holds a fit says so within ack_wait; a trainer that dies leaves it to another. An answer is written once: of two trainers that
fit the same, the first counts.
"""

import argparse
import asyncio
import hashlib
import io
import json
import os
import signal
import socket
from datetime import datetime, timezone

import nats
import numpy as np
from nats.errors import TimeoutError as NothingWaits
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError, NotFoundError

from models import FITS, INPUT, Rows

FORMAT = 1
WATCH_SECONDS = 1
PULL_SECONDS = 0.5
RETRY_SECONDS = 5
LOSSES_MAX = 20_000
MESSAGE_MAX = 4_000


class Dropped(Exception):
    """Nobody wants the fit any more."""


class Fit:
    """One fit: its documents and objects, and what its thread and its watcher tell each other."""

    def __init__(self, message, task, documents, objects, threads):
        self.message, self.task, self.threads = message, task, threads
        self.documents, self.objects = documents, objects
        self.name = f"{task['job_id']}.{task['fit_id']}"
        self.wanted = "model"
        self.losses, self.iterations_max = [], 1

    async def run(self):
        """Acknowledges when the fit is over, one way or the other. What it raises is another's fault: the fit comes again."""
        await self.look()
        if self.wanted != "nothing" and not await self.is_answered():
            await self.tell()
            rows = await self.read()
            fitting = asyncio.create_task(asyncio.to_thread(FITS[self.task["model_type"]], rows, self.on_iteration))
            while not fitting.done():
                await asyncio.wait([fitting], timeout=WATCH_SECONDS)
                await self.message.in_progress()
                await self.look()
                await self.tell()
            await self.answer(fitting)
        await self.message.ack_sync()

    async def look(self):
        """What is wanted now; nothing when the order is gone or the deadline over."""
        try:
            entry = await self.documents.get(f"{self.name}.order")
            self.wanted = json.loads(entry.value)["wanted"]
        except KeyNotFoundError:
            self.wanted = "nothing"
        if datetime.now(timezone.utc) > datetime.fromisoformat(self.task["deadline"]):
            self.wanted = "nothing"

    async def is_answered(self):
        try:
            await self.documents.get(f"{self.name}.answer")
            return True
        except KeyNotFoundError:
            return False

    async def tell(self):
        # losses of no iteration are those on the training rows
        kind = "validation_losses" if "validation" in self.task["objects"] else "training_losses"
        losses = [loss if np.isfinite(loss) else None for loss in self.losses[:LOSSES_MAX]]
        progress = {
            "state": "running",
            "trainer": f"{socket.gethostname()}:{os.getpid()}",
            "updated_at": datetime.now(timezone.utc).isoformat(),
            "iterations_max": self.iterations_max,
            kind: losses,
        }
        await self.documents.put(f"{self.name}.progress", json.dumps(progress).encode())

    async def read(self):
        async def array(name):
            return np.load(io.BytesIO((await self.objects.get(name)).data), allow_pickle=False)

        async def part(names):
            features, targets = await array(names["features"]), await array(names["targets"])
            return features, targets, await array(names["weights"]) if "weights" in names else None

        task, objects = self.task["task"], self.task["objects"]
        return Rows(
            kind=task["kind"],
            classes=task.get("classes", 0),
            columns=self.task["columns"],
            parameters=self.task["parameters"],
            seed=self.task["seed"],
            threads=self.threads,
            training=await part(objects["training"]),
            validation=await part(objects["validation"]) if "validation" in objects else None,
        )

    def on_iteration(self, loss, iterations_max):
        """In the fit's thread, after each iteration. Whether to stop."""
        if self.wanted == "nothing":
            raise Dropped()
        self.iterations_max = iterations_max
        if loss is not None:
            self.losses.append(float(loss))
        return self.wanted == "stop"

    async def answer(self, fitting):
        try:
            model = await fitting
        except Dropped:
            return
        except Exception as error:  # of the library: its words are the answer
            answer = {"state": "failed", "message": f"{type(error).__name__}: {error}"[:MESSAGE_MAX]}
        else:
            sha256 = hashlib.sha256(model.onnx).hexdigest()
            if self.wanted == "nothing":
                return
            await self.objects.put(f"{self.name}.{sha256}", model.onnx)
            kind = "value" if self.task["task"]["kind"] == "regression" else "probabilities"
            answer = {
                "state": "done",
                "sha256": sha256,
                "input_tensor": INPUT,
                "output": {"name": model.output, "type": kind},
                "iterations": model.iterations,
            }
            if model.importances is not None:
                answer["importances"] = model.importances
        try:
            await self.documents.create(f"{self.name}.answer", json.dumps(answer).encode())
        except KeyWrongLastSequenceError:
            pass  # another trainer was first


async def take(message, documents, objects, threads):
    task = json.loads(message.data)
    if task["format"] != FORMAT:
        print(f"a fit of format {task['format']} is left to newer trainers", flush=True)
        return await message.nak(delay=RETRY_SECONDS)
    print(f"{task['model_type']} for {task['model_name']}: {task['rows']['training']} rows", flush=True)
    fit = Fit(message, task, documents, objects, threads)
    try:
        await fit.run()
    except Exception as error:
        fit.wanted = "nothing"  # its thread ends with the next iteration
        print(f"the fit goes back into the queue: {error!r}", flush=True)
        await message.nak(delay=RETRY_SECONDS)


async def work(options):
    connection = await nats.connect(options.nats, name="millrace python trainer", max_reconnect_attempts=-1)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    js = connection.jetstream()
    opened = None
    while not stopping.is_set():
        try:
            if opened is None:
                stream, bucket = f"{options.prefix.upper()}_FITS", f"{options.prefix}_fits"
                pulls = [await js.pull_subscribe_bind(type.lower(), stream) for type in options.types]
                for pull in pulls:
                    await pull.consumer_info()
                opened = await js.key_value(bucket), await js.object_store(bucket)
                print(f"waits for fits of {', '.join(options.types)}", flush=True)
            for pull in pulls:
                try:
                    [message] = await pull.fetch(1, timeout=PULL_SECONDS)
                except NothingWaits:
                    continue
                await take(message, *opened, options.threads)
        except (NotFoundError, nats.errors.Error) as error:  # no engine has been here yet, or NATS is away
            print(f"trying again: {error!r}", flush=True)
            opened = None
            await asyncio.sleep(RETRY_SECONDS)
    await connection.drain()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nats", default="nats://127.0.0.1:4222", help="address of NATS, as the engine prints it")
    parser.add_argument("--prefix", default="millrace", help="the engine's MILLRACE_PREFIX")
    parser.add_argument("--types", nargs="+", choices=sorted(FITS), default=sorted(FITS))
    parser.add_argument("--threads", type=int, default=1, help="of a fit; more than one may change the last digits of models")
    asyncio.run(work(parser.parse_args()))


if __name__ == "__main__":
    main()
