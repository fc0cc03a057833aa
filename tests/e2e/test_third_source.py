"""A new source is one contract file: in a copy of the project nothing else changes, and rows arrive."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.leaks import Needle, leaks
from local.state import Lake
from tests.e2e.running import PROJECT, Command

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("third-source")]

CONTRACT: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "A household joins the loyalty programme",
    "x-lake": {
        "source": "loyalty",
        "event": "signup",
        "version": 1,
        "delivery": "stream",
        "key": ["loyalty_id"],
        "freshness": "PT15M",
    },
    "type": "object",
    "additionalProperties": False,
    "required": ["loyalty_id", "email"],
    "properties": {
        "loyalty_id": {"type": "string", "maxLength": 64},
        "email": {"type": "string", "maxLength": 320, "x-pii": {"kind": "email"}},
        "bonus": {
            "type": ["number", "string"],
            "minimum": 0,
            "maximum": 9_999_999_999,
            "pattern": r"^\d{1,10}\.\d{2}$",
            "x-column": "NUMBER(12,2)",
        },
    },
}


def copy_of_the_project(to: Path) -> Path:
    """What git knows or would add; the environments are shared, as they hold nothing of ours."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (PROJECT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, to / name)
    for environment in (".venv", ".venv-dbt", ".venv-uv"):
        (to / environment).symlink_to(PROJECT / environment)
    return to


def test_a_new_source_is_one_file(tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path / "project")
    (project / "contracts/loyalty").mkdir()
    (project / "contracts/loyalty/signup.v1.json").write_text(json.dumps(CONTRACT))
    command = Command(tmp_path / "lake", project)
    (tmp_path / "lake").mkdir()
    people = [f"person{number}@magrathea.example" for number in range(20)]
    events = [
        {
            "source": "loyalty",
            "event_type": "signup",
            "schema_version": 1,
            "data": {"loyalty_id": str(number), "email": person, "bonus": "2.50"},
        }
        for number, person in enumerate(people)
    ]
    (tmp_path / "signups.ndjson").write_text(
        "\n".join(map(json.dumps, [*events, {**events[0], "event_type": "x"}]))
    )
    try:
        command.run("up", "--days", "0", "--engine", "inprocess")
        assert command.run(
            "send", str(tmp_path / "signups.ndjson"), "--source", "loyalty", check=False
        ).returncode
        command.run("drain", "--timeout", "180")

        row = command.sql(
            "SELECT COUNT(*) AS N, SUM(BONUS)::VARCHAR AS BONUS, COUNT(DISTINCT EVENT_ID) AS IDS, "
            "COUNT_IF(PRODUCER_TS_ASSIGNED) AS ASSIGNED FROM STAGING.LOYALTY_SIGNUP"
        )
        assert row == [{"N": 20, "BONUS": "50.00", "IDS": 20, "ASSIGNED": 20}]
        assert command.one("SELECT COUNT(*) FROM STAGING.QUARANTINE WHERE SOURCE = 'loyalty'") == 1
        assert command.one("SELECT MIN(EMAIL) FROM STAGING.LOYALTY_SIGNUP") == "***"
        lake = Lake.load(tmp_path / "lake")
        assert leaks(lake.root / ".local", [Needle(person, person[:8]) for person in people], lake) == []
    finally:
        command.run("down")
    assert command.processes() == []
