"""Build the wheel and the source archive in dist/, both with the page: python scripts/build_wheel.py, or `make wheel`.

Refuses to start without the built page, and checks afterwards that both archives hold all of its files.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from moue.files import replacing

ROOT = Path(__file__).parents[1]
PAGE = "moue/page/static"


def page_files(source: Path) -> set[str]:
    """Return the paths of the built page's files, relative to src/; empty if the page is not built."""
    folder = source / PAGE
    if not (folder / "index.html").is_file():
        return set()
    return {path.relative_to(source).as_posix() for path in folder.rglob("*") if path.is_file()}


def names_in(archive: Path) -> set[str]:
    """Return the paths of the files in a wheel or a source archive, relative to src/."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return set(wheel.namelist())
    with tarfile.open(archive) as packed:
        return {name.partition("/src/")[2] for name in packed.getnames()}


def main() -> None:
    """Build, check, move to dist/."""
    page = page_files(ROOT / "src")
    if not page:
        sys.exit("the page is not built, and a wheel without it has no `moue page`\nrun `make page` first")
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([sys.executable, "-m", "build", "--outdir", work, str(ROOT)], check=True)
        for archive in sorted(Path(work).iterdir()):
            missing = page - names_in(archive)
            if missing:
                sys.exit(f"{archive.name} lacks {len(missing)} of the {len(page)} files of the page: {min(missing)}, …")
            with replacing(ROOT / "dist" / archive.name) as temporary:
                temporary.write_bytes(archive.read_bytes())
            print(f"wrote dist/{archive.name}, with the {len(page)} files of the page")


if __name__ == "__main__":
    main()
