"""The checks of scripts/build_wheel.py before and after the build."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_wheel.py"


def test_a_wheel_without_the_page_is_not_built(tmp_path):
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "build_wheel.py"
    script.write_bytes(SCRIPT.read_bytes())
    (tmp_path / "src" / "moue" / "page" / "static").mkdir(parents=True)
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (ran.returncode, "make page" in ran.stderr) == (1, True)
    assert not (tmp_path / "dist").exists()


def test_the_files_of_the_page_are_found_in_both_kinds_of_archive(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import build_wheel

    static = tmp_path / "src" / "moue" / "page" / "static"
    (static / "assets").mkdir(parents=True)
    (static / "assets" / "a.js").write_text("1")
    assert build_wheel.page_files(tmp_path / "src") == set()
    (static / "index.html").write_text("<html>")
    page = build_wheel.page_files(tmp_path / "src")
    assert page == {"moue/page/static/index.html", "moue/page/static/assets/a.js"}
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as archive:
        archive.write(static / "index.html", "moue/page/static/index.html")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "src", "moue-1/src")
    assert page - build_wheel.names_in(tmp_path / "x.whl") == {"moue/page/static/assets/a.js"}
    assert page <= build_wheel.names_in(tmp_path / "x.tar.gz")
    sys.modules.pop("build_wheel")
