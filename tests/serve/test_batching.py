"""Batches across requests."""

import threading

import numpy as np
import pytest

from moue.serve.batching import BatchingSession


class Doubler:
    """A session that doubles its inputs and records the sizes of its batches."""

    def __init__(self):
        self.sizes = []
        self.running = threading.Event()
        self.go = threading.Event()

    def get_inputs(self):
        return [type("Input", (), {"name": "images"})]

    def get_outputs(self):
        return [type("Output", (), {"name": "twice"})]

    def run(self, _names, feeds):
        self.running.set()
        self.go.wait(30)
        self.sizes.append(len(feeds["images"]))
        if (feeds["images"] < 0).any():
            raise ValueError("negative")
        return [2 * feeds["images"]]


def test_waiting_jobs_are_run_together_and_each_gets_its_own_outputs():
    inner, reported = Doubler(), []
    session = BatchingSession(inner, 8, reported.append)
    session.start()
    batches = [np.full((size, 1), size, np.float32) for size in (1, 2, 3, 4, 20, 1)]
    futures = [session.submit(batches[0])]
    assert inner.running.wait(30)  # an empty queue is not enough: the thread would still take jobs to this batch
    futures += [session.submit(batch) for batch in batches[1:]]
    cancelled = session.submit(np.zeros((5, 1), np.float32))
    assert cancelled.cancel()
    inner.go.set()
    for batch, future in zip(batches, futures, strict=True):
        np.testing.assert_array_equal(future.result(30)["twice"], 2 * batch)
    assert inner.sizes == reported == [1, 8, 1, 8, 8, 4, 1]
    (outputs,) = session.run(["twice"], {"images": batches[1]})
    np.testing.assert_array_equal(outputs, 2 * batches[1])
    session.close()
    later = session.submit(batches[1])
    session.start()
    np.testing.assert_array_equal(later.result(30)["twice"], 2 * batches[1])
    session.close()


def test_an_error_reaches_only_the_callers_of_that_run():
    inner = Doubler()
    inner.go.set()
    session = BatchingSession(inner)
    session.start()
    with pytest.raises(ValueError, match="negative"):
        session.submit(np.full((1, 1), -1, np.float32)).result(30)
    after = session.submit(np.ones((1, 1), np.float32))
    assert after.result(30)["twice"] == 2
    session.close()
