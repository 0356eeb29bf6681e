"""The address of a Ray cluster, which is checked before anything is asked."""

import pytest

from moue.errors import SettingError
from moue.ray_cluster import connected, refuse_address


@pytest.mark.parametrize("address", ["auto", "local", "head:6379", "10.0.0.1:6379", "[::1]:6379", "ray://head:10001"])
def test_addresses(address):
    refuse_address(address)


@pytest.mark.parametrize("address", ["", "head", "head:", ":6379", "head:port", "a head:6379", "http://head:1/x"])
def test_what_is_no_address(address):
    with pytest.raises(SettingError, match="HOST:PORT"):
        refuse_address(address)
    with pytest.raises(SettingError, match="HOST:PORT"), connected(address):
        pass
