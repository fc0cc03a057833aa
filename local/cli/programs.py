"""The lake's programs: how each is started, and how one sees that it serves."""

from __future__ import annotations

import sys

from local.processes import HOST, Program, answers
from local.state import PROJECT_ROOT, Paths, read_json

AWS, WAREHOUSE, DATAPLANE, DASHBOARD = "aws", "warehouse", "dataplane", "dashboard"
# In the order in which they are ended: who reads first, who is read from last.
ALL = (DASHBOARD, DATAPLANE, WAREHOUSE, AWS)


def aws(paths: Paths) -> Program:
    """The local AWS."""
    return Program(
        name=AWS,
        command=lambda port: [sys.executable, "-m", "local.aws", "--port", str(port), "--s3", str(paths.s3)],
        healthy=answers("/_ministack/health"),
    )


def warehouse(paths: Paths, aws_endpoint: str) -> Program:
    """The local Snowflake."""
    module = [sys.executable, "-m", "local.snowflake.server"]
    return Program(
        name=WAREHOUSE,
        command=lambda port: [
            *module,
            "--port",
            str(port),
            "--data",
            str(paths.warehouse),
            "--aws",
            aws_endpoint,
        ],
        healthy=answers("/health"),
        grace=20.0,  # it writes its database to disk
    )


def dataplane(paths: Paths, aws_endpoint: str, region: str) -> Program:
    """Event source mappings and Firehose; it listens nowhere, its counters show that it runs."""
    return Program(
        name=DATAPLANE,
        command=lambda _: [
            sys.executable,
            "-m",
            "local.dataplane",
            "--endpoint",
            aws_endpoint,
            "--region",
            region,
        ],
        healthy=lambda pid, _: (read_json(paths.dataplane) or {}).get("pid") == pid,
    )


def dashboard() -> Program:
    """The store dashboard."""
    app = PROJECT_ROOT / "warehouse" / "dashboard" / "app.py"
    options = {
        "server.address": HOST,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    return Program(
        name=DASHBOARD,
        command=lambda port: [
            *(sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"),
            *(f"--{name}={value}" for name, value in options.items()),
        ],
        healthy=answers("/_stcore/health"),
    )
