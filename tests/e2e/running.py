"""A laptop lake of its own for tests, driven as a user drives it: by the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parents[2]


class Command:
    """`python -m local`, for the lake that lies under a root."""

    def __init__(self, root: Path, project: Path = PROJECT) -> None:
        self.root, self.project = root, project

    def run(self, *words: str, check: bool = True, timeout: float = 420) -> subprocess.CompletedProcess[str]:
        """Run a verb; on failure the test shows what it printed."""
        environment = {**os.environ, "RETAILLAKE_ROOT": str(self.root), "COLUMNS": "200", "TERM": "dumb"}
        done = subprocess.run(
            [sys.executable, "-m", "local", *words],
            cwd=self.project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(
                f"`{' '.join(words)}` ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
            )
        return done

    def sql(self, statement: str, role: str | None = None) -> list[dict[str, Any]]:
        """The rows of a statement, as the command line gives them in JSON."""
        words: Sequence[str] = ["--role", role] if role else []
        return json.loads(self.run("sql", statement, "--format", "json", *words).stdout)

    def one(self, statement: str, role: str | None = None) -> Any:
        """The single value of a statement."""
        (row,) = self.sql(statement, role)
        (value,) = row.values()
        return value

    def status(self) -> dict[str, Any]:
        """What `status --json` says."""
        return json.loads(self.run("status", "--json").stdout)

    def processes(self) -> list[psutil.Process]:
        """Every living process that was told that it belongs to this lake."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("RETAILLAKE_ROOT") == str(self.root) and process.pid != os.getpid():
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def ports(self) -> set[int]:
        """The ports on which this lake's processes listen."""
        return {
            connection.laddr.port
            for process in self.processes()
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
