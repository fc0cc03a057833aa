"""How a Snowflake adapter says what it does: statements, put to the laptop's warehouse.

The driver is imported where it is used: a run that only records does without it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..adapter import Adapter, Computed, Inputs, Outputs, Place, StandInError
from ..props import Props, unmapped
from ..schema import Failure
from .names import literal, parts, qualified, snake

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

EXISTS = 2002  # object already exists
PATIENCE = 60
MISSING = frozenset(
    {2003, 2043, 2001}
)  # object does not exist or not authorized; schema or database likewise


class Warehouse:
    """A session of the laptop's warehouse, as its administrator; statements run one after the other."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._lock = threading.RLock()
        self._session: SnowflakeConnection | None = None

    def execute(self, statement: str, *, allow: frozenset[int] = frozenset()) -> list[dict[str, Any]]:
        """Run a statement; return its rows, or none where its error is one of those allowed."""
        from snowflake.connector.cursor import DictCursor  # noqa: PLC0415
        from snowflake.connector.errors import ProgrammingError  # noqa: PLC0415

        with self._lock, self._connection().cursor(DictCursor) as cursor:
            try:
                cursor.execute(statement)
            except ProgrammingError as error:
                if error.errno in allow:
                    return []
                raise StandInError(
                    f"the warehouse refused {_shortened(statement)}: {error.errno} {error.msg}"
                ) from error
            return [
                {str(key).lower(): value for key, value in dict(row).items()} for row in cursor.fetchall()
            ]

    def close(self) -> None:
        """End the session."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def _connection(self) -> SnowflakeConnection:
        import snowflake.connector  # noqa: PLC0415

        if self._session is None:
            self._session = snowflake.connector.connect(
                user="admin",
                password="admin",  # noqa: S106 (the laptop's warehouse asks for one and takes any)
                account="fakesnow",
                host=self.host,
                port=self.port,
                protocol="http",
                role="ACCOUNTADMIN",
                # The driver repeats a failed request without end; nothing takes this long here.
                network_timeout=PATIENCE,
                login_timeout=PATIENCE,
            )
        return self._session


def _shortened(statement: str) -> str:
    text = " ".join(statement.split())
    return text if len(text) <= 300 else f"{text[:300]}…"


def full_name(_place: Place, rid: str, inputs: Inputs) -> str:
    """Compute the fully qualified name from the parts that the inputs give."""
    names = [inputs[name] for name in ("database", "schema", "name") if name in inputs]
    return qualified(*names)


NAMED = {"fullyQualifiedName": full_name}


def options(p: Props, *names: str, bare: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return the properties that are there as SQL writes them, by SQL's names. `bare` ones are not quoted."""
    said = {}
    for name in names:
        value = p.take(name)
        if value is not None:
            said[snake(name)] = str(value) if name in bare else literal(_boolean(value))
    return said


def spelled(said: Mapping[str, str]) -> str:
    """Return options as a statement has them."""
    return "".join(f" {name} = {value}" for name, value in said.items())


def altered(kind: str, rid: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the statements that bring options from one state to the other."""
    different = {name: value for name, value in after.items() if before.get(name) != value}
    gone = [name for name in before if name not in after]
    set_ = [f"ALTER {kind} {rid} SET{spelled(different)}"] if different else []
    return set_ + [f"ALTER {kind} {rid} UNSET {name}" for name in gone]


def _boolean(value: Any) -> Any:
    """The provider has booleans that may be unset as texts."""
    return value == "true" if value in ("true", "false") else value


class SnowflakeAdapter(Adapter):
    """A resource type of Snowflake, told as the statements that make it."""

    autoname = "name"
    replace_on = frozenset({"name", "database", "schema"})
    computed: ClassVar[Mapping[str, Computed]] = NAMED
    #: what SQL calls it
    kind: ClassVar[str]
    #: the errors of SHOW and DROP that say that it, or what holds it, is not there
    missing: ClassVar[frozenset[int]] = MISSING

    def identity(self, inputs: Inputs) -> str | None:
        """Return the full name."""
        return full_name(Place(), "", inputs) if "name" in inputs else None

    def statements(self, p: Props) -> list[str]:
        """Return the statements that make it as the properties say."""
        raise NotImplementedError

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Return the statements that change it."""
        raise NotImplementedError

    def unmapped(self, inputs: Inputs) -> list[Failure]:
        """Name the properties that no statement carries."""
        p = Props(inputs)
        self.statements(p)
        left = unmapped(p.left(), self.no_effect)
        return [Failure(property=path, reason="is not mapped by the laptop's stand-in") for path in left]

    def create(self, cloud: Warehouse, inputs: Inputs) -> str:
        """Make it; what an interrupted deployment left is taken over, if it is as the program says."""
        first, *rest = self.statements(Props(inputs))
        cloud.execute(first, allow=frozenset({EXISTS}))
        for statement in rest:
            cloud.execute(statement)
        return self.identity(inputs) or ""

    def update(self, cloud: Warehouse, rid: str, old: Inputs, new: Inputs) -> None:
        """Change it."""
        for statement in self.alterations(rid, Props(old), Props(new)):
            cloud.execute(statement)

    def delete(self, cloud: Warehouse, rid: str, inputs: Inputs) -> None:
        """Drop it."""
        cloud.execute(f"DROP {self.kind} IF EXISTS {rid}", allow=self.missing)

    def shown(self, cloud: Warehouse, rid: str, plural: str = "") -> dict[str, Any] | None:
        """Return what SHOW says of it."""
        *holder, name = parts(rid)
        where = f" IN {'SCHEMA' if len(holder) == 2 else 'DATABASE'} {qualified(*holder)}" if holder else ""
        # LIKE takes the underscores of a name for wildcards: it finds more, never less.
        rows = cloud.execute(
            f"SHOW {plural or self.kind + 'S'} LIKE {literal(name)}{where}", allow=self.missing
        )
        return next((one for one in rows if one["name"] == name), None)

    def described(self, cloud: Warehouse, rid: str, kind: str = "") -> list[dict[str, Any]]:
        """Return what DESCRIBE says of it."""
        return cloud.execute(f"DESCRIBE {kind or self.kind} {rid}", allow=self.missing)


def holder(p: Props) -> str:
    """Return the full name, taking its parts."""
    return qualified(p.take("database"), p.take("schema"), p.take("name"))


def base(rid: str, shown: Mapping[str, Any]) -> Outputs:
    """Return the properties that every object in a schema has."""
    names = dict(zip(("database", "schema", "name"), parts(rid), strict=True))
    return {**names, "fullyQualifiedName": rid, "comment": shown.get("comment") or ""}


def as_given(given: Any, seen: Any) -> Any:
    """Return a text as the program gave it, if the service's differs in white space around it only."""
    if (
        isinstance(given, str)
        and isinstance(seen, str)
        and given.strip().rstrip(";") == seen.strip().rstrip(";")
    ):
        return given
    return seen
