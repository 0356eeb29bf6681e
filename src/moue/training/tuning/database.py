"""The database of a study: opening it, locking it, and readable errors when it fails."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError, SettingError
from moue.training.tuning.backend import optuna

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK: Final = 0x6D6F7565
"""The key of PostgreSQL's advisory lock, "moue" in ASCII; each database has its own lock."""


def open_storage(url: str) -> optuna.storages.BaseStorage:
    """Return the database at a URL, made if it is a new SQLite file."""
    engine = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {"pool_pre_ping": True}
    return optuna.storages.RDBStorage(url, engine_kwargs=engine)


@contextlib.contextmanager
def database_lock(url: str) -> Iterator[None]:
    """Let only one process on all machines at a time run such a block for a database.

    This is for PostgreSQL, where machines need not share a folder; the server frees the lock of a killed process. For
    any other database, this does nothing: a lock in the folder of the study keeps processes apart.
    """
    if not url.startswith("postgresql"):
        yield
        return
    from sqlalchemy import create_engine, text  # noqa: PLC0415 (comes with Optuna)
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:  # the lock ends with the connection
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        yield


@contextlib.contextmanager
def readable_errors(where: str, *, opening: bool = False) -> Iterator[None]:
    """Turn database errors in the block into readable ones.

    Args:
        where: The database, a path or a URL.
        opening: Whether the block opens the database; then its driver may be missing.

    Raises:
        SettingError: an invalid URL is opened.
        MoueError: the database cannot be opened, or fails.
    """
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError  # noqa: PLC0415 (comes with Optuna)

    kinds = (SQLAlchemyError, optuna.exceptions.StorageInternalError, *((ImportError,) if opening else ()))
    try:
        yield
    except kinds as error:
        cause = str(error.__cause__ or error).partition("\n")[0]
        shown = where.rpartition("@")[2]  # without a password
        if not opening:
            raise MoueError(
                f"the database of the study in {shown} failed: {cause}",
                "a database that works",
                "The same command continues the study when it works again.",
            ) from error
        # An invalid URL, or one of a database that SQLAlchemy does not know, is a wrong setting.
        kind = SettingError if isinstance(error, ArgumentError) else MoueError
        raise kind(
            f"cannot open the study in {shown}: {cause}",
            "a SQLite file that moue made, or the URL of a database, such as postgresql://user@host/name",
            'PostgreSQL also needs its driver: pip install "psycopg[binary]"',
        ) from error
