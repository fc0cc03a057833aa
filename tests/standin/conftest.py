"""One AWS emulator and one warehouse for a test session, and a project of one's own for a test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"
PATIENCE = 60


def _port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _served(command: list[str], port: int, tmp: Path, log: Path, path: str = "") -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers; its environment has nothing of ours that it could use."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp), "TMPDIR": str(tmp), "PYTHONPATH": str(ROOT)}
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=ROOT)
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and process.poll() is None:
        try:
            if path:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).close()
            else:
                socket.create_connection(("127.0.0.1", port), 2).close()
            return process
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"{command[:4]} does not answer:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def _aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tmp, port = tmp_path_factory.mktemp("aws"), _port()
    command = [sys.executable, "-m", "local.aws", "--port", str(port), "--s3", str(tmp / "s3")]
    process = _served(command, port, tmp, tmp / "log", "/_ministack/health")
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


@pytest.fixture
def aws(_aws: str) -> str:
    """The endpoint of an AWS with nothing in it."""
    urllib.request.urlopen(urllib.request.Request(f"{_aws}/_ministack/reset", method="POST")).close()
    return _aws


@pytest.fixture
def client(aws: str) -> Callable[[str], Any]:
    """Clients that look at the emulator independently of the stand-ins."""

    def of(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=aws,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return of


@pytest.fixture(scope="session")
def warehouse(_aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Host and port of the laptop's warehouse."""
    tmp, port = tmp_path_factory.mktemp("warehouse"), _port()
    command = [
        sys.executable,
        "-m",
        "local.snowflake.server",
        "--port",
        str(port),
        "--data",
        str(tmp / "data"),
    ]
    process = _served([*command, "--aws", _aws], port, tmp, tmp / "log")
    yield "127.0.0.1", port
    process.kill()
    process.wait()


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """Copies of the sample programs, which a test may change."""

    def copy(name: str) -> Path:
        return Path(
            shutil.copytree(PROGRAMS / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        )

    return copy


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """A project with this program, called `small`, with a stack called `test`."""

    def write(source: str, config: str = "") -> Path:
        where = tmp_path / "small"
        where.mkdir(exist_ok=True)
        (where / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        (where / "Pulumi.test.yaml").write_text(config or "config: {aws:region: eu-west-1}\n")
        head = "import pulumi\nimport pulumi_aws as aws\nimport pulumi_snowflake as snowflake\n"
        (where / "__main__.py").write_text(head + source)
        return where

    return write
