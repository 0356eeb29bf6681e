"""The command moue serve: the page and the HTTP API."""

from __future__ import annotations

import logging
from typing import Annotated, Final

import typer

from moue.cli import console, options


def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Name of a shipped model, run folder or .onnx file. Repeatable; requests choose one by name.",
            show_default="small",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="Address to listen on; 0.0.0.0 for all networks.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port; 0 takes any free one.")
    ] = 8000,
    api_key: Annotated[
        str,
        typer.Option(
            "--api-key",
            metavar="KEY",
            help="Key that requests must send; better set in the environment.",
            envvar="MOUE_API_KEY",
        ),
    ] = "",
    cors: Annotated[
        list[str] | None,
        typer.Option("--cors", metavar="ORIGIN", help="Let pages of this origin call the server. Repeatable."),
    ] = None,
    detector: options.Detector = options.DetectorName.AUTO,
    detector_model: options.DetectorModel = None,
    device: options.Device = options.DeviceName.CPU,
    max_mb: Annotated[int, typer.Option("--max-mb", metavar="N", min=1, help="Largest request in MiB.")] = 32,
    max_pixels: Annotated[
        int, typer.Option("--max-pixels", metavar="N", min=1, help="Reject images with more pixels.")
    ] = 50_000_000,
    max_files: Annotated[int, typer.Option("--max-files", metavar="N", min=1, help="Maximum images per request.")] = 32,
    max_faces: Annotated[int, typer.Option("--max-faces", metavar="N", min=1, help="Maximum faces per request.")] = 256,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Maximum time for a response.")
    ] = 30.0,
    queue: Annotated[
        int, typer.Option("--queue", metavar="N", min=1, help="Maximum waiting requests; more get 503.")
    ] = 64,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", min=1, help="Images processed at once.", show_default="the CPUs, 8 at most"
        ),
    ] = None,
) -> None:
    """Serve the page and an HTTP API.

    Only this machine can reach it unless you set --host. Images are never stored. Ctrl-C or SIGTERM stops it after the
    requests in progress.
    """
    from moue.errors import MissingExtraError

    try:
        from moue.serve.server import is_loopback
        from moue.serve.server import serve as run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("moue"):
            raise
        raise MissingExtraError(error.name or "fastapi", "serve") from error
    from moue.serve.settings import MEBIBYTE, Settings

    settings = Settings(
        models=tuple(model or ("small",)),
        detector=detector.value,
        detector_model=detector_model,
        api_key=api_key,
        cors=tuple(cors or ()),
        max_bytes=max_mb * MEBIBYTE,
        max_buffered=max(256, 2 * max_mb) * MEBIBYTE,
        max_pixels=max_pixels,
        max_files=max_files,
        max_faces=max_faces,
        timeout_s=timeout,
        queue=queue,
        workers=workers,
        device=options.choose_device(device),
    )
    if not is_loopback(host) and not api_key:
        console.warn(f"warning: anyone who can reach {host} can use this server; set --api-key")
    _log_to_console()
    run(settings, host=host, port=port, on_start=_print_address)
    console.note("stopped")


def _print_address(address: str) -> None:
    import sys

    console.say(f"moue is running at {address}")
    sys.stdout.flush()  # a program may be waiting for this line
    console.note("press Ctrl-C to stop")


class _ConsoleHandler(logging.Handler):
    """Prints what the server logs: requests unless --quiet, failures always."""

    def emit(self, record: logging.LogRecord) -> None:
        shown = console.warn if record.levelno >= logging.WARNING else console.note
        shown(self.format(record))


def _log_to_console() -> None:
    log = logging.getLogger("moue.serve")
    log.setLevel(logging.INFO)
    log.addHandler(_ConsoleHandler())
    log.propagate = False
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it logs what clients send


COMMANDS: Final = (serve,)
