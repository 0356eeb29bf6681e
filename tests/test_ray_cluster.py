"""The address of a Ray cluster, and what a person hears of it: lost machines and mistakes, in a line each."""

from __future__ import annotations

import copy
import logging
import re
import socket

import pytest

pytest.importorskip("ray", reason="a cluster needs the extra 'cluster'")

import ray
import ray.data  # sets its log up
from ray.data._internal.util import _annotate_exception_with_retry_context as annotate
from ray.exceptions import RayTaskError

from helpers.ray_nodes import wait_until
from moue import ray_cluster
from moue.errors import MoueError, SettingError

LOST = "The node with node id: d10 and address: 10.0.0.2 has been marked dead because the detector has missed too many"
DIED = "A worker died or was killed while executing a task by an unexpected system error. To troubleshoot the problem"
FULL = "2 Workers (tasks / actors) killed due to memory pressure (OOM), 0 Workers crashed due to other reasons"
AGAIN = "Task MapWorker.submit failed. There are infinite retries remaining, so the task will be retried."


def test_events_are_told_in_a_line_each_and_not_printed(capsys):
    heard = []
    printer = ray._private.worker.print_to_stdstream
    with ray_cluster._events_told(ray, heard.append):
        for message in (LOST, AGAIN, DIED, FULL):
            # As Ray's thread calls it.
            data = {"lines": [message], "pid": "raylet", "is_err": False}
            ray._private.worker.print_to_stdstream(data, ignore_prefix=False)
    assert ray._private.worker.print_to_stdstream is printer
    assert [re.search("lost|ended|memory", one)[0] for one in heard] == ["lost", "ended", "memory"]
    assert max(map(len, heard)) <= 80
    assert capsys.readouterr() == ("", "")


def test_ray_data_writes_to_its_file_and_not_to_the_terminal(capsys):
    ray_cluster._silence_data()
    logging.getLogger("ray.data").error("An exception was raised from a task of operator")
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger("ray.data").isEnabledFor(logging.INFO)


@pytest.mark.parametrize("kind", [MoueError, SettingError])
def test_the_mistake_that_a_node_names_is_the_error(kind):
    mistake = annotate(
        kind("the node a does not see in", "images", "Share them."),
        description="apply UDF transform",
        attempts=1,
        max_attempts=1,
        total_backoff_s=0.0,
        exception_str="",
    )
    assert "retried_map_errors" in str(mistake)
    there = RayTaskError("read_shards", "Traceback", copy.deepcopy(mistake)).as_instanceof_cause()
    found = ray_cluster._explained(there)
    assert (found.came, found.expected, found.fix) == ("the node a does not see in", "images", "Share them.")
    assert type(found) is MoueError


def test_other_errors_keep_what_was_said_last():
    found = ray_cluster._explained(RuntimeError("first\nand last"))
    assert found.came == "the cluster failed: and last"


def test_a_head_that_does_not_answer_is_told_once(monkeypatch):
    monkeypatch.setattr(ray_cluster, "_BETWEEN_LOOKS_S", 0.01)
    monkeypatch.setattr(ray_cluster, "_SILENT_S", 0.2)
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        with ray_cluster._head_watched(address, heard.append):
            for _ in range(20):
                head.accept()[0].close()
            assert heard == []
            head.close()
            wait_until(lambda: heard, "the silence to be told")
    assert len(heard) == 1
    assert "has not answered" in heard[0]


@pytest.mark.parametrize("address", ["auto", "local", "head:6379", "10.0.0.1:6379", "[::1]:6379", "ray://head:10001"])
def test_addresses(address):
    ray_cluster.refuse_address(address)


@pytest.mark.parametrize("address", ["", "head", "head:", ":6379", "head:port", "a head:6379", "http://head:1/x"])
def test_what_is_no_address(address):
    with pytest.raises(SettingError, match="HOST:PORT"):
        ray_cluster.refuse_address(address)
    with pytest.raises(SettingError, match="HOST:PORT"), ray_cluster.connected(address, print):
        pass
