"""A server in this process, and images to send."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from helpers.serving import png
from moue.serve.app import create_app
from moue.serve.settings import Settings


@pytest.fixture(scope="session")
def client():
    """A server with the shipped model and all limits at their defaults."""
    with TestClient(create_app(Settings())) as client:
        yield client


@pytest.fixture
def serve():
    """Start a server with other settings; returns its client."""
    clients = []

    def start(**settings):
        clients.append(TestClient(create_app(Settings(**settings))))
        return clients[-1].__enter__()

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A photo with one face."""
    matplotlib = pytest.importorskip("matplotlib")
    return (Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").read_bytes()


@pytest.fixture(scope="session")
def crops():
    """Four fake face crops: their pixels and their PNG files."""
    pixels = [np.random.default_rng(seed).integers(0, 256, (48, 48), dtype=np.uint8) for seed in range(4)]
    return pixels, [png(image) for image in pixels]
