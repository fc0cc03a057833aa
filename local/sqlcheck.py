"""``python -m local.sqlcheck``: reads all SQL of the warehouse with sqlfluff, in Snowflake's dialect.

Three things are read: the templates of pipes and tasks as they are written, the statements that the program
makes of them (whether they parse, whatever their layout), and the dbt project.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import contracts
from components.snowflake import sql
from local.state import PROJECT_ROOT
from warehouse.dbt import generate

SQLFLUFF = PROJECT_ROOT / ".venv-dbt" / "bin" / "sqlfluff"
CONFIG = PROJECT_ROOT / ".sqlfluff"
TEMPLATES = PROJECT_ROOT / "warehouse" / "sql"
DBT = ("warehouse/dbt/models", "warehouse/dbt/tests")
# What nobody is to be blamed for once a template is filled: how long a line is, and Snowflake's capitals.
LAYOUT = "layout,capitalisation"
DATABASE, WINDOW_DAYS = "RETAIL", 3


class SqlcheckError(Exception):
    """The check itself could not run."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was read, whether it is clean, and what sqlfluff said of it."""

    what: str
    clean: bool
    findings: str


def statements(catalogue: contracts.Catalogue) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every statement that pipes and tasks run."""
    yield "pii_access", sql.pii_access(DATABASE)
    for source in catalogue.sources:
        yield f"{source}_copy", sql.copy_statement(DATABASE, source)
        yield f"{source}_load", sql.load_task(DATABASE, source, catalogue.events(source), WINDOW_DAYS)


def check(catalogue: contracts.Catalogue) -> Iterator[Check]:
    """Yield what sqlfluff finds, check by check."""
    yield _lint("templates of pipes and tasks", ".", cwd=TEMPLATES)
    with tempfile.TemporaryDirectory(prefix="sqlcheck-") as name:
        folder = Path(name)
        for label, text in statements(catalogue):
            (folder / f"{label}.sql").write_text(f"{text}\n")
        options = ("--config", CONFIG, "--exclude-rules", f"{LAYOUT},RF04,ST06")
        yield _lint("statements made of them", ".", *options, cwd=folder)
    generate.write(catalogue)
    yield _lint("dbt models and tests", *DBT, cwd=PROJECT_ROOT)


def _lint(what: str, *arguments: str | Path, cwd: Path) -> Check:
    if not SQLFLUFF.exists():
        raise SqlcheckError(f"sqlfluff is not installed ({SQLFLUFF} is missing): `make lint` installs it")
    process = subprocess.run(
        [SQLFLUFF, "lint", "--nocolor", "--disable-progress-bar", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode not in {0, 1}:  # 1: there are findings; anything else: it could not look
        raise SqlcheckError(f"{what}: sqlfluff could not run:\n{process.stdout}{process.stderr}")
    return Check(what=what, clean=process.returncode == 0, findings=process.stdout)


def main() -> int:
    """Print what is found; 1 if there is anything."""
    try:
        checks = list(check(contracts.load()))
    except SqlcheckError as fault:
        print(fault, file=sys.stderr)
        return 2
    for done in checks:
        print(f"{done.what}: {'clean' if done.clean else 'findings'}")
        if not done.clean:
            print(done.findings)
    return 0 if all(done.clean for done in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
