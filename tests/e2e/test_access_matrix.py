"""Every cell of the access matrix, tried on the deployed lake through Snowflake's driver, as each role."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from components.snowflake.roles import ROLES, Face, Role
from local.access_matrix import ACTIONS, PRODUCTION, Action, Thing, allowed, render, things
from local.state import Lake
from tests.e2e.running import Command

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("lake")]

THINGS = things()
# Not authorized, or not there for who may not see it.
REFUSED = {2003, 3001}
Connect = Callable[..., SnowflakeConnection]


@pytest.fixture(scope="module")
def connect(lake: Lake, command: Command) -> Iterator[Connect]:
    command.run("drain")
    opened: dict[str | None, SnowflakeConnection] = {}

    def connect(role: str | None = "ACCOUNTADMIN") -> SnowflakeConnection:
        if role not in opened:
            opened[role] = lake.connect(role=role, schema=PRODUCTION)
        return opened[role]

    yield connect
    for connection in opened.values():
        connection.close()


def ask(connection: SnowflakeConnection, statement: str) -> list[tuple[Any, ...]]:
    with closing(connection.cursor()) as cursor:
        return [tuple(row) for row in cursor.execute(statement).fetchall()]  # type: ignore[union-attr, arg-type]


def full(lake: Lake, thing: Thing) -> str:
    return f"{lake.database}.{thing.schema}.{thing.name}"


def columns(connect: Connect, lake: Lake, thing: Thing) -> list[str]:
    return [row[0] for row in ask(connect(), f"DESCRIBE {thing.kind} {full(lake, thing)}")]


def statement(connect: Connect, lake: Lake, action: Action, thing: Thing) -> str:
    """What tries an action and changes nothing."""
    name = full(lake, thing)
    if action == "select":
        return f"SELECT COUNT(*) FROM {name}"
    if action == "insert":
        names = columns(connect, lake, thing)
        nothing = ", ".join("NULL" for _ in names)
        return f"INSERT INTO {name} ({', '.join(names)}) SELECT {nothing} WHERE 1 = 0"
    if action == "alter":
        return f"ALTER {thing.kind} {name} SET COMMENT = 'tried'"
    if thing.personal:
        return f"ALTER {thing.kind} {name} MODIFY COLUMN {thing.personal[0]} UNSET MASKING POLICY"
    policy = f"{lake.database}.GOVERNANCE.STORE_ROWS"
    return f"ALTER {thing.kind} {name} DROP ROW ACCESS POLICY {policy}"


@contextmanager
def as_it_was(connect: Connect, lake: Lake, action: Action, thing: Thing) -> Iterator[None]:
    """Put back what an action that is allowed takes away."""
    (shown,) = [
        row
        for row in ask(connect(), f"SHOW {thing.kind}S IN SCHEMA {lake.database}.{thing.schema}")
        if row[1] == thing.name
    ]
    assert shown
    references = uses(connect, lake, thing)
    try:
        yield
    finally:
        name, back = full(lake, thing), set(references) - set(uses(connect, lake, thing))
        for policy, kind, column in back:
            on = f"{lake.database}.GOVERNANCE.{policy}"
            if kind == "MASKING_POLICY":
                ask(connect(), f"ALTER TABLE {name} MODIFY COLUMN {column} SET MASKING POLICY {on}")
            else:
                ask(connect(), f"ALTER TABLE {name} ADD ROW ACCESS POLICY {on} ON ({thing.store})")
        if action == "alter":
            ask(connect(), f"ALTER {thing.kind} {name} UNSET COMMENT")
        assert uses(connect, lake, thing) == references


def uses(connect: Connect, lake: Lake, thing: Thing) -> list[tuple[Any, ...]]:
    """The policies on a table: name, kind, column."""
    return sorted(
        ask(
            connect(),
            "SELECT POLICY_NAME, POLICY_KIND, COALESCE(REF_COLUMN_NAME, '') FROM TABLE("
            f"{lake.database}.INFORMATION_SCHEMA.POLICY_REFERENCES(REF_ENTITY_NAME => "
            f"'{full(lake, thing)}', REF_ENTITY_DOMAIN => '{thing.kind}'))",
        )
    )


def test_the_matrix_has_every_table_and_view(connect: Connect, lake: Lake) -> None:
    found: set[tuple[str, str, str]] = set()
    for kind in ("TABLE", "VIEW"):
        for schema in ("PRODUCTION", "GOVERNANCE"):
            rows = ask(connect(), f"SHOW {kind}S IN SCHEMA {lake.database}.{schema}")
            found |= {(schema, str(row[1]), kind) for row in rows}
    assert found == {(thing.schema, thing.name, thing.kind) for thing in THINGS}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_each_role_may_do_what_the_matrix_says(
    connect: Connect, lake: Lake, role: Role, action: Action
) -> None:
    session = connect(role.name)
    for thing in THINGS:
        tried = statement(connect, lake, action, thing)
        if allowed(role, action, thing):
            with as_it_was(connect, lake, action, thing):
                ask(session, tried)
        elif action != "unmask" or thing.masked:
            with pytest.raises(ProgrammingError) as refused:
                ask(session, tried)
            assert refused.value.errno in REFUSED, (role.name, tried, refused.value.msg)


def face(packed: str | None, role: Role) -> str | None:
    """What a role sees of a packed value, by the format that docs/protection.md describes."""
    if packed is None:
        return None
    _, token, _, display = packed.split(":", 3)
    return {Face.PACKED: packed, Face.TOKEN: token, Face.DISPLAY: display, None: "***"}[role.face]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_each_role_sees_its_face_of_every_personal_value(connect: Connect, lake: Lake, role: Role) -> None:
    tried = 0
    for thing in THINGS:
        if not thing.personal or not allowed(role, "select", thing):
            continue
        query = f"SELECT {', '.join(thing.personal)} FROM {full(lake, thing)}"
        packed = ask(connect("TRANSFORMER"), query)
        assert packed
        assert all(value is None or value.startswith(("1:", "2:")) for row in packed for value in row)
        wanted = Counter(tuple(face(value, role) for value in row) for row in packed)
        assert Counter(ask(connect(role.name), query)) == wanted, thing.name
        tried += 1
    assert tried or not any(allowed(role, "select", thing) for thing in THINGS if thing.personal)


def test_an_administrator_sees_no_face(connect: Connect, lake: Lake) -> None:
    for thing in THINGS:
        for column in thing.personal:
            found = ask(connect(), f"SELECT DISTINCT {column} FROM {full(lake, thing)}")
            assert {row[0] for row in found} <= {"***", None}


def test_who_is_bound_to_stores_sees_those_given(connect: Connect, lake: Lake) -> None:
    governance = f"{lake.database}.GOVERNANCE"
    bound = [role.name for role in ROLES if role.by_store]
    store, other = (
        row[0] for row in ask(connect(), "SELECT DISTINCT STORE_ID FROM DAILY_STORE_SALES ORDER BY 1 LIMIT 2")
    )
    try:
        ask(connect(), f"INSERT INTO {governance}.STORES VALUES ('{store}', 'WEST'), ('{other}', 'EAST')")
        names = {name: lake.outputs["roles"][name] for name in bound}
        for name in bound:
            ask(
                connect(), f"INSERT INTO {governance}.STORE_ACCESS SELECT '{names[name]}', NULL, 'WEST', NULL"
            )
        for thing in THINGS:
            if thing.store:
                query = f"SELECT DISTINCT {thing.store} FROM {full(lake, thing)}"
                assert {name: ask(connect(name), query) for name in bound} == {
                    name: [(store,)] for name in bound
                }
    finally:
        for table in ("STORES", "STORE_ACCESS"):
            with suppress(ProgrammingError):
                ask(connect(), f"TRUNCATE TABLE {governance}.{table}")


def test_services_log_in_with_their_role_and_no_other(lake: Lake) -> None:
    with pytest.raises(Exception, match="not authorized"):
        lake.connect(role="TRANSFORMER", user="TABLEAU")
    with closing(lake.connect(role=None, user="TABLEAU")) as session:
        assert ask(session, "SELECT CURRENT_USER(), CURRENT_ROLE()") == [
            ("TABLEAU", lake.outputs["roles"]["ANALYST"])
        ]


def test_the_page_is_the_specification_s() -> None:
    page = Path(__file__).parents[2] / "docs" / "access-matrix.md"
    assert page.read_text() == render(), "python -m local.access_matrix --write docs/access-matrix.md"
