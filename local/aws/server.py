"""ministack with the parts switched off which would deliver wrongly, and one made cheap.

ministack answers the public API well, but some of its data plane is not AWS's: its Firehose writes an object
per record and blocks the server, its Kinesis event source mapping ignores partial-batch answers. Both are
done by `local.dataplane` over the public API; here they are silenced. Everything is kept in memory but S3's
objects, so no payload of a stream or queue reaches the disk.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pybase64

HOST = "127.0.0.1"


def environment(port: int, s3: Path) -> dict[str, str]:
    """The settings ministack reads when it is imported."""
    return {
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",  # or it listens on every interface, on a port of its own
        "LAMBDA_EXECUTOR": "local",  # a process each, no container engine
        "LOG_LEVEL": "WARNING",  # below, it logs what the functions print
        "PERSIST_STATE": "0",  # it would write the records of the streams to disk
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(s3),
    }


def replace(module: ModuleType, name: str, value: Callable[..., Any]) -> None:
    """Put ours in the place of theirs, and refuse to run where theirs is gone."""
    if not callable(getattr(module, name, None)):
        raise SystemExit(
            f"ministack has no {module.__name__}.{name} any more: its version must fit local/aws/server.py"
        )
    setattr(module, name, value)


def replace_module(module: ModuleType, name: str, value: ModuleType) -> None:
    """Put a module of the same functions in the place of one that theirs uses."""
    if not isinstance(getattr(module, name, None), ModuleType):
        raise SystemExit(f"ministack's {module.__name__} uses no {name} any more: see local/aws/server.py")
    setattr(module, name, value)


def keep_out(_stream_arn: str, _records: Iterable[Any]) -> None:
    """Deliver nothing from a stream to Firehose here: the data plane does."""


def poll_nothing() -> bool:
    """Run no mapping of a stream here: the data plane does."""
    return False


def expire_records(stream: dict[str, Any]) -> None:
    """Forget the records beyond the retention.

    They lie in order of arrival, so a look at the first is enough on nearly every call, where ministack's own
    copies the whole shard on every put and every read (and makes both slower the more there is).
    """
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for shard in stream["shards"].values():
        records = shard["records"]
        if records and records[0]["ApproximateArrivalTimestamp"] < cutoff:
            shard["records"] = [r for r in records if r["ApproximateArrivalTimestamp"] >= cutoff]


def adapt() -> None:
    """Silence what the data plane does, and make cheap what is called for every request."""
    from ministack.services import firehose, kinesis, lambda_svc  # noqa: PLC0415 (it reads its settings on import)

    replace(firehose, "ingest_from_kinesis_source", keep_out)
    replace(lambda_svc, "_poll_kinesis", poll_nothing)
    replace(kinesis, "_expire_records", expire_records)
    # It decodes every record three times on its way through a stream: a third of all its work.
    replace_module(kinesis, "base64", pybase64)


def serve(port: int, s3: Path) -> None:
    """Serve until told to stop."""
    os.environ.update(environment(port, s3))
    adapt()
    from ministack.app import main  # noqa: PLC0415 (as above)

    sys.argv[1:] = []  # ministack parses the command line itself
    main()
