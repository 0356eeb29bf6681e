"""Hooks for MkDocs: add pages from outside docs/ to the site, and make the links between them work.

Links in the documents work in the repository; on the site, the same page has another address.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_ROOT: Final = Path(__file__).parents[1]
_WEIGHTS: Final = "src/moue/weights/"
_LINK: Final = re.compile(r"\]\((?!\w+:)([^)#\s]+)")

# Path in the repository -> path on the site; pages of docs/ are not named here.
_ADDED: Final = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "LICENSE": "LICENSE.txt",
    **{
        f"{_WEIGHTS}{card}": f"cards/{card}"
        for card in sorted(path.relative_to(_ROOT / _WEIGHTS).as_posix() for path in (_ROOT / _WEIGHTS).rglob("*.md"))
    },
}
_SOURCES: Final = {site: source for source, site in _ADDED.items()}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    for source, site in _ADDED.items():
        files.append(File.generated(config, site, abs_src_path=str(_ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 (MkDocs)
    """Turn links of the repository into links of the site."""
    here = page.file.src_uri
    source = _SOURCES.get(here, f"docs/{here}")

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        site = _ADDED.get(target, target.removeprefix("docs/"))
        return f"]({posixpath.relpath(site, posixpath.dirname(here) or '.')}"

    return _LINK.sub(link, markdown)
