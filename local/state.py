"""Where the laptop lake keeps its things, and typed access to the lake that runs.

Everything lies under ``.local/``. What a running lake offers (endpoints, stack outputs) is one file,
``.local/run/lake.json``, which `Lake.load` reads; it holds no secret.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

PROJECT_ROOT = Path(__file__).resolve().parent.parent
STACK = "local"
ROOT_VARIABLE = "RETAILLAKE_ROOT"
ADMIN_ROLE = "ACCOUNTADMIN"
CREDENTIALS = ("test", "test")  # the emulator's root user; it guards nothing
POOL = 32


class LakeError(Exception):
    """The laptop lake cannot do what was asked; the message says why and what to do."""


@dataclass(frozen=True)
class Paths:
    """The places of one laptop lake; `root` is the directory which holds ``.local/``.

    By default it is the project's, or what the environment's RETAILLAKE_ROOT says: the lake's own processes
    are told so which lake they belong to.
    """

    root: Path = field(default_factory=lambda: Path(os.environ.get(ROOT_VARIABLE) or PROJECT_ROOT).absolute())

    @property
    def home(self) -> Path:
        """All that the lake writes."""
        return self.root / ".local"

    @property
    def run(self) -> Path:
        """Pid files, ports, counters, checkpoints, `lake.json`."""
        return self.home / "run"

    @property
    def log(self) -> Path:
        """One log per process; never a payload."""
        return self.home / "log"

    @property
    def tmp(self) -> Path:
        """TMPDIR of every process: where Lambdas are unpacked."""
        return self.home / "tmp"

    @property
    def s3(self) -> Path:
        """Objects, as the S3 emulator stores them."""
        return self.home / "s3"

    @property
    def warehouse(self) -> Path:
        """The warehouse's database files."""
        return self.home / "warehouse"

    @property
    def state(self) -> Path:
        """The deployment's state."""
        return self.home / "state"

    @property
    def lake(self) -> Path:
        """What a running lake offers."""
        return self.run / "lake.json"

    @property
    def dataplane(self) -> Path:
        """The data plane's counters."""
        return self.run / "dataplane.json"

    @property
    def sent(self) -> Path:
        """How many records each stream took: a line for each time."""
        return self.run / "sent.log"

    @property
    def checkpoints(self) -> Path:
        """Positions of the data plane's readers: sequence numbers, never payloads."""
        return self.run / "checkpoints"

    def make(self) -> Paths:
        """Create the directories, readable by their owner alone."""
        for path in (self.home, self.run, self.log, self.tmp, self.s3, self.warehouse, self.state):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self


def write_json(path: Path, value: object) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a torn one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    draft.write_text(json.dumps(value, indent=1) + "\n")
    draft.replace(path)


def read_json(path: Path) -> Any | None:
    """The file's value, or None where there is no such file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


@dataclass(frozen=True, kw_only=True)
class Warehouse:
    """Where the warehouse's stand-in listens."""

    host: str
    port: int
    account: str = "fakesnow"
    database: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceStreams:
    """Names of one source's streams and of its delivery, as the stack exports them."""

    ingress: str
    protected: str
    delivery: str


@dataclass(frozen=True, kw_only=True)
class Lake:
    """A laptop lake that runs: how to reach its AWS and its warehouse, and what was deployed.

    Examples
    --------
    ::

        lake = Lake.load()
        lake.boto("kinesis").describe_stream_summary(StreamName=lake.streams["pos"].ingress)
        with lake.connect(role="ANALYST", schema="PRODUCTION") as session:
            session.cursor().execute("SELECT COUNT(*) FROM SALES_LINES")
    """

    paths: Paths
    endpoint: str
    region: str
    warehouse: Warehouse
    engine: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path | None = None) -> Lake:
        """Read the running lake's description.

        Parameters
        ----------
        root
            The directory which holds ``.local/``; by default see `Paths`.

        Raises
        ------
        LakeError
            Where no lake was started, or none was deployed to the end.
        """
        paths = Paths(root.absolute()) if root else Paths()
        found = read_json(paths.lake)
        if found is None:
            raise LakeError(
                f"no lake runs here ({paths.lake} is missing): start one with `python -m local up`"
            )
        try:
            return cls(
                paths=paths,
                endpoint=found["aws"]["endpoint"],
                region=found["aws"]["region"],
                warehouse=Warehouse(**found["warehouse"]),
                engine=found.get("engine", ""),
                outputs=found.get("outputs", {}),
            )
        except (KeyError, TypeError) as fault:
            raise LakeError(
                f"{paths.lake} is not what `up` writes ({fault}): run `python -m local up`"
            ) from fault

    def save(self) -> None:
        """Publish this lake for `load`."""
        write_json(
            self.paths.lake,
            {
                "aws": {"endpoint": self.endpoint, "region": self.region},
                "warehouse": vars(self.warehouse),
                "engine": self.engine,
                "outputs": self.outputs,
            },
        )

    @property
    def root(self) -> Path:
        """The directory which holds ``.local/``."""
        return self.paths.root

    @property
    def database(self) -> str:
        """The stack's database in the warehouse."""
        return self.warehouse.database

    @property
    def streams(self) -> dict[str, SourceStreams]:
        """The streams of every source."""
        return {source: SourceStreams(**names) for source, names in self.outputs.get("streams", {}).items()}

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that the stack carries."""
        return tuple(sorted(self.outputs.get("streams", {})))

    @property
    def bucket(self) -> str:
        """The landing zone's bucket."""
        return self.outputs["landing"]["bucket"]

    def sent(self) -> dict[str, int]:
        """How many records each source's ingress stream has taken from clients of `boto`."""
        source_of = {names.ingress: source for source, names in self.streams.items()}
        counts = dict.fromkeys(self.sources, 0)
        if self.paths.sent.exists():
            for stream, records in (line.split() for line in self.paths.sent.read_text().splitlines()):
                if stream in source_of:
                    counts[source_of[stream]] += int(records)
        return counts

    def boto(self, service: str) -> Any:
        """A client of the local AWS; shared, and safe to share among threads."""
        if service == "kinesis":
            return _counting_client(self.endpoint, self.region, self.paths.sent)
        return aws_client(service, self.endpoint, self.region)

    def connect(
        self, role: str | None = ADMIN_ROLE, schema: str | None = None, user: str = "admin"
    ) -> SnowflakeConnection:
        """A session in the stack's database.

        Parameters
        ----------
        role
            A functional role by the lake's own name (ANALYST), or any role of the account.
        schema
            The schema to be in.
        user
            The name to log in with; the laptop's warehouse knows no passwords.
        """
        import snowflake.connector  # noqa: PLC0415 (half a second that `status` of a dead lake need not pay)

        physical = self.outputs.get("roles", {}).get(role, role)
        return snowflake.connector.connect(
            user=user,
            password="-",  # noqa: S106 (the driver wants one, the stand-in does not look)
            account=self.warehouse.account,
            host=self.warehouse.host,
            port=self.warehouse.port,
            protocol="http",
            database=self.warehouse.database or None,
            schema=schema,
            role=physical,
            login_timeout=20,
            session_parameters={"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
        )


@lru_cache(maxsize=64)
def aws_client(service: str, endpoint: str, region: str, timeout: int = 120, attempts: int = 4) -> Any:
    """A boto3 client that sees the laptop's AWS only: no profile, proxy or credential of the user's."""
    import boto3  # noqa: PLC0415 (as above)
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    nowhere: tuple[None, None, str, None] = (None, None, os.devnull, None)
    session = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": nowhere,
            "credentials_file": nowhere,
        }
    )
    return boto3.Session(botocore_session=session).client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=CREDENTIALS[0],
        aws_secret_access_key=CREDENTIALS[1],
        config=Config(
            proxies={},
            max_pool_connections=POOL,
            read_timeout=timeout,
            retries={"mode": "standard", "max_attempts": attempts},
            s3={"addressing_style": "path"},
        ),
    )


@lru_cache(maxsize=8)
def _counting_client(endpoint: str, region: str, ledger: Path) -> Any:
    """A client of Kinesis that writes down how many records each stream took, for no API tells it."""
    client = aws_client.__wrapped__("kinesis", endpoint, region)

    def before(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["stream"] = params.get("StreamName", "")

    def after(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        taken = len(parsed.get("Records", ())) - parsed.get("FailedRecordCount", 0)
        if taken > 0:
            with ledger.open("a") as file:  # appended whole, so two senders do not disturb each other
                file.write(f"{context['stream']} {taken}\n")

    client.meta.events.register("before-parameter-build.kinesis.PutRecords", before)
    client.meta.events.register("after-call.kinesis.PutRecords", after)
    return client
