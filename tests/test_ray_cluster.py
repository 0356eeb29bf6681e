"""The address of a Ray cluster, and its messages to the user: lost machines and mistakes, one line each."""

from __future__ import annotations

import copy
import logging
import re
import socket

import pytest

pytest.importorskip("ray", reason="a cluster needs the extra 'cluster'")

import ray
import ray.data  # sets up its log
from ray.data._internal.util import _annotate_exception_with_retry_context as annotate
from ray.exceptions import RayTaskError

from helpers.ray_nodes import wait_until
from moue import ray_cluster
from moue.errors import MoueError, SettingError

LOST = "The node with node id: d10 and address: 10.0.0.2 has been marked dead because the detector has missed too many"
DIED = "A worker died or was killed while executing a task by an unexpected system error. To troubleshoot the problem"
FULL = "2 Workers (tasks / actors) killed due to memory pressure (OOM), 0 Workers crashed due to other reasons"
AGAIN = "Task MapWorker.submit failed. There are infinite retries remaining, so the task will be retried."


def test_each_event_is_reported_in_one_line_and_not_printed(capsys):
    messages = []
    printer = ray._private.worker.print_to_stdstream
    with ray_cluster._events_reported(ray, messages.append):
        for message in (LOST, AGAIN, DIED, FULL):
            # As Ray's thread calls it.
            data = {"lines": [message], "pid": "raylet", "is_err": False}
            ray._private.worker.print_to_stdstream(data, ignore_prefix=False)
    assert ray._private.worker.print_to_stdstream is printer
    assert [re.search("lost|ended|memory", message)[0] for message in messages] == ["lost", "ended", "memory"]
    assert max(map(len, messages)) <= 80
    assert capsys.readouterr() == ("", "")


def test_ray_data_writes_to_its_file_and_not_to_the_terminal(capsys):
    ray_cluster._silence_data()
    logging.getLogger("ray.data").error("An exception was raised from a task of operator")
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger("ray.data").isEnabledFor(logging.INFO)


@pytest.mark.parametrize("kind", [MoueError, SettingError])
def test_an_error_raised_on_a_node_is_reported_as_it_is(kind):
    mistake = annotate(
        kind("the node a does not see in", "images", "Share them."),
        description="apply UDF transform",
        attempts=1,
        max_attempts=1,
        total_backoff_s=0.0,
        exception_str="",
    )
    assert "retried_map_errors" in str(mistake)
    remote_error = RayTaskError("read_shards", "Traceback", copy.deepcopy(mistake)).as_instanceof_cause()
    found = ray_cluster._error_of(remote_error)
    assert (found.came, found.expected, found.fix) == ("the node a does not see in", "images", "Share them.")
    assert type(found) is MoueError


def test_other_errors_keep_their_last_line():
    found = ray_cluster._error_of(RuntimeError("first\nand last"))
    assert found.came == "the cluster failed: and last"


def test_a_head_that_does_not_respond_is_reported_once(monkeypatch):
    monkeypatch.setattr(ray_cluster, "_CHECK_EVERY_S", 0.01)
    monkeypatch.setattr(ray_cluster, "_MAX_SILENCE_S", 0.2)
    messages = []
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        with ray_cluster._head_watched(address, messages.append):
            for _ in range(20):
                head.accept()[0].close()
            assert messages == []
            head.close()
            wait_until(lambda: messages, "the silence to be reported")
    assert len(messages) == 1
    assert "has not responded" in messages[0]


@pytest.mark.parametrize("address", ["auto", "local", "head:6379", "10.0.0.1:6379", "[::1]:6379", "ray://head:10001"])
def test_addresses(address):
    ray_cluster.refuse_address(address)


@pytest.mark.parametrize("address", ["", "head", "head:", ":6379", "head:port", "a head:6379", "http://head:1/x"])
def test_invalid_addresses_are_refused(address):
    with pytest.raises(SettingError, match="HOST:PORT"):
        ray_cluster.refuse_address(address)
    with pytest.raises(SettingError, match="HOST:PORT"), ray_cluster.connected(address, print):
        pass
