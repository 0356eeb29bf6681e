"""Writing files atomically: to a temporary name first, then moved into place."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from moue.errors import MoueError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HASH_CHUNK = 1 << 20
_BETWEEN_TRIES = 0.05


class InUseError(MoueError):
    """Another process is writing an output."""


def as_path(value: object, what: str) -> Path:
    """Return a user's argument as a path.

    Raises:
        MoueError: it is not a path, such as None.
    """
    if isinstance(value, str | os.PathLike):
        return Path(value)
    came = "None" if value is None else f"of type {type(value).__name__}"
    raise MoueError(f"{what} is {came}", "a path", "Pass a str or a pathlib.Path.")


def cache_folder() -> Path:
    """Return the cache folder: `MOUE_CACHE` if set, else the platform's cache folder."""
    named = os.environ.get("MOUE_CACHE")
    if named:
        return Path(named)
    import platformdirs  # noqa: PLC0415 (only needed without the variable)

    return platformdirs.user_cache_path("moue", appauthor=False)


@contextlib.contextmanager
def locked(path: str | Path, *, wait: bool = False) -> Iterator[None]:
    """Lock an output that is written over time, so that no other process writes to it.

    The operating system holds the lock on ``.NAME.lock`` beside the output and releases it when the process ends, even
    if it was killed: a lock file that is left behind does not block anything.

    Args:
        path: The file or folder that is written.
        wait: Wait for the other process; for outputs that take only a moment.

    Raises:
        InUseError: another process holds the lock and `wait` is false.
        MoueError: the lock file cannot be written.
    """
    target = Path(path)
    file = target.with_name(f".{target.name}.lock")
    with _lock(file, target, wait=wait) as handle:
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        try:
            yield
        finally:
            # Removed while the lock is held: a process that opens the path now creates a new file.
            with contextlib.suppress(OSError):
                file.unlink()


def _lock(file: Path, target: Path, *, wait: bool) -> IO[str]:
    """Return the lock file, open and locked."""
    while True:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle = file.open("a+", encoding="utf-8")
        except OSError as error:
            raise cannot_write(target, error) from error
        if not _try_lock(handle):
            with handle:
                if wait:
                    time.sleep(_BETWEEN_TRIES)
                    continue
                handle.seek(0)
                owner = handle.read(20).strip() or "unknown"
            raise InUseError(
                f"another process (id {owner}) is writing {target}",
                "an output that no other process writes",
                "Wait for it, stop it, or name another output.",
            )
        # The previous owner may have removed the file after we opened it and before we locked it.
        if os.fstat(handle.fileno()).st_nlink:
            return handle
        handle.close()


def _try_lock(handle: IO[str]) -> bool:
    """Try to lock an open file without waiting; return whether it succeeded."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 (Windows only)

            handle.seek(64)  # beyond the process id, which others must be able to read
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        import fcntl  # noqa: PLC0415 (not on Windows)

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def cannot_write(path: Path, error: OSError) -> MoueError:
    """Return the error for a file that could not be written, with advice that fits the reason."""
    came = f"cannot write {path}: {error.strerror or error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return MoueError(came, "room for the file", "Is the disk full? Free some space or write to another disk.")
    if error.errno == errno.ENAMETOOLONG:
        return MoueError(came, "a shorter path", "Give the output a shorter name.")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return MoueError(came, "a folder", f"Part of the path {path.parent} is a file; choose another folder.")
    if error.errno == errno.EISDIR:
        return MoueError(came, "a file", "A folder has that name; choose another one.")
    return MoueError(came, "a folder that you may write to", "Choose another folder.")


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise `MoueError` if `path` exists and may not be replaced."""
    # os.path does not raise for names that are too long or unreadable folders; writing the file reports those.
    if not overwrite and os.path.lexists(path):
        raise MoueError(
            f"{path} already exists", "a new name", "Choose another name, or use --overwrite (overwrite=True)."
        )


def refuse_suffix(path: Path, allowed: Sequence[str]) -> None:
    """Raise `MoueError` if a file's suffix is not in `allowed`, whose entries begin with a dot."""
    if path.suffix.lower() not in allowed:
        came = f"the output {path} has the suffix {path.suffix!r}"
        known = ", ".join(suffix or "no suffix" for suffix in allowed)
        raise SettingError(came, f"one of {known}" if len(allowed) > 1 else known, "Rename the output.")


@contextlib.contextmanager
def replacing(path: str | Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and move it to `path` when the block ends without an error.

    The temporary name keeps the suffix of `path`, because writers choose the format by it.

    Raises:
        MoueError: `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    target = Path(path)
    refuse_existing(target, overwrite=overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Only the beginning of a long name: the random part would make it too long.
        handle, name = tempfile.mkstemp(prefix=f".{target.stem[:40]}-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp gives 0600; a result should be as readable as any other new file.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str, *, overwrite: bool = True) -> None:
    r"""Write `text` as UTF-8 to `path` atomically; a lone surrogate is written as ``\udcXX``."""
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: str | Path, value: object, *, overwrite: bool = True) -> None:
    """Write `value` as indented JSON to `path` atomically; NaN is refused, since it is not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", overwrite=overwrite)


def read_json(path: str | Path) -> Any:  # noqa: ANN401 (JSON is anything)
    """Read a JSON file.

    Raises:
        MoueError: the file is missing, unreadable or not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MoueError(f"cannot read {path}: {error.strerror}", "a JSON file") from error
    except (ValueError, RecursionError) as error:  # deep nesting raises the latter
        raise MoueError(f"{path} is not valid JSON: {error}", "a JSON file written by moue") from error


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
