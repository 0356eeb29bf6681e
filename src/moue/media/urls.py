"""Images at web addresses: fetched only if allowed; an error is a status, never an exception."""

from __future__ import annotations

import re
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Final, TypeGuard

from moue.download import FetchError, fetch_bytes
from moue.media.decode import Decoded, Status, decode

if TYPE_CHECKING:
    from moue.media.decode import ImageLimits

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SCHEMES: Final = ("http", "https")
_NOT_ALLOWED: Final = "this is a URL; to download it, add --allow-url (in Python: allow_url=True)"


def is_address(source: object) -> TypeGuard[str]:
    """Return whether something is text that begins like an address (``https://``), and not a path."""
    return isinstance(source, str) and _ADDRESS.match(source) is not None


def shown(address: str) -> str:
    """Return an address without user name and password, safe to print and store. Other text stays as it is."""
    if not is_address(address):
        return address
    scheme, rest = address.split("://", 1)
    # Parsed as by the code that fetches it: a backslash may be part of a password.
    host = re.match(r"[^/?#]*", rest)
    end = host.end() if host else 0
    return f"{scheme}://{rest[:end].rpartition('@')[2]}{rest[end:]}"


def local_path(address: str) -> str:
    """Return the path of a ``file://`` address on this machine; empty for any other address."""
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    if scheme.lower() != "file" or host.lower() not in ("", "localhost") or not slash:
        return ""
    return urllib.request.url2pathname(f"/{path}")


def path_in(address: str) -> str:
    """Return the decoded path of an address, without host, query and fragment."""
    return urllib.parse.unquote(re.split(r"[?#]", address.split("://", 1)[1])[0].partition("/")[2])


def stem_of(address: str) -> str:
    """Return a file name for an address: the last part of its path, reduced to letters, digits, _ and -."""
    last = urllib.parse.unquote(re.split(r"[?#]", address.split("://", 1)[1])[0].rstrip("/").rpartition("/")[2])
    return re.sub(r"[^\w-]+", "_", last.rpartition(".")[0] or last).strip("_")[:80] or "picture"


def decode_address(address: str, limits: ImageLimits, *, allowed: bool) -> Decoded:
    """Fetch an image by HTTP or HTTPS and decode it as `moue.media.decode.decode` does.

    Args:
        address: The address of the image.
        limits: What is refused; bytes are counted as they arrive.
        allowed: Whether anything may be fetched at all.

    Returns:
        The image, or a status: ``"unsupported"`` if not allowed or not HTTP, ``"not_found"`` if the server says so,
        ``"too_large"`` beyond the limits, ``"unreadable"`` if the network fails.
    """
    refusal = _NOT_ALLOWED if not allowed else _refusal(address)
    if refusal:
        return Decoded(Status.UNSUPPORTED, message=refusal)
    try:
        return decode(fetch_bytes(address, max_bytes=limits.max_bytes), limits)
    except FetchError as error:
        if error.too_large:
            return Decoded(Status.TOO_LARGE, message=f"more bytes than the limit of {limits.max_bytes:,}")
        status = Status.NOT_FOUND if error.missing else Status.UNREADABLE
        # The server's text may be printed to a terminal.
        reason = "".join(letter if letter.isprintable() else "?" for letter in error.reason[:200])
        return Decoded(status, message=f"cannot be fetched: {reason}")
    except ValueError as error:  # a MoueError about a redirect, or urllib's error for a malformed address
        return Decoded(Status.UNSUPPORTED, message=str(error).replace("\n", "; "))


def _refusal(address: str) -> str:
    if shown(address) != address:
        return "an address with a user name is not fetched"
    if address.partition("://")[0].lower() not in _SCHEMES:
        return "only addresses that begin with https:// or http:// are fetched"
    return ""
