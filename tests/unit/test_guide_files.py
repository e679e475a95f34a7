"""The guide to definitions as files says what is so: its files are read, its JSON has the shape that the code has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from orchestrator.definitions.files import read
from orchestrator.definitions.values import read_values

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "files.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_files_of_the_guide_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in blocks("yaml"):
        path = Path(text.split("\n")[0].removeprefix("# "))
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    written = read(["defs"], "default", read_values(["prod.yaml"], ["load.timeout=900"]))
    jobs = {job.name: job for job in written.workflows["nightly"].jobs}
    assert jobs["load"].timeout == 900
    assert jobs["extract"].kwargs == {"bucket": "data-eu-west-1"}
    assert sorted(written.definitions().schedules) == ["hourly/each", "nightly/night"]


def test_the_shape_of_json_is_the_one_that_the_code_has() -> None:
    from orchestrator.definitions.compare import Change, Difference, Pair
    from orchestrator.definitions.proposal import Proposal
    from orchestrator.definitions.snapshot import Snapshot

    (shown,) = (json.loads(text) for text in blocks("json"))
    change = Change("schedule", "nightly/night", "change", {"cron": Pair("0 2 * * *", "0 3 * * *")})
    snapshot = Snapshot(0, 0, None, {}, (), None)  # type: ignore[arg-type]
    proposal = Proposal(Difference((change,), (("workflow", "reports"),)), (), (), snapshot, ())
    assert {**proposal.to_json("default"), "revision": 7} == shown
