"""The map of the documentation names every page, and no page links to nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if path != ROOT / "docs" / "README.md")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)\s]*)?\)")


def linked(page: Path) -> set[Path]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return {(page.parent / link).resolve() for link in LINK.findall(text)}


def test_the_map_names_every_page() -> None:
    named = linked(ROOT / "docs" / "README.md")
    assert [page for page in PAGES if page not in named and page.parent not in named] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "README.md", *PAGES], ids=lambda page: page.stem)
def test_links_lead_to_files(page: Path) -> None:
    assert [str(link) for link in linked(page) if not link.exists()] == []
