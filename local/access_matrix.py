"""Who may do what with every table and view of PRODUCTION and GOVERNANCE, and how each personal column looks.

``python -m local.access_matrix --write docs/access-matrix.md`` writes it down. It follows from the
specification of roles and from the models; a test tries every cell on a deployed lake.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import contracts
from components.snowflake import published
from components.snowflake.roles import ACCESS_ROLES, ROLES, Face, Right, Role
from local import page
from warehouse.dbt import generate
from warehouse.dbt.personal import personal_columns, store_columns

Action = Literal["select", "insert", "alter", "unmask"]
ACTIONS: tuple[Action, ...] = ("select", "insert", "alter", "unmask")
PRODUCTION, GOVERNANCE = "PRODUCTION", "GOVERNANCE"
FACES = {
    Face.PACKED: "packed value",
    Face.TOKEN: "token",
    Face.DISPLAY: "masked display",
    None: "`***`",
}
HEADER = """# Who may do what

Generated from the specification of roles: `python -m local.access_matrix --write docs/access-matrix.md`.
Every cell is tried on a deployed lake (`tests/e2e/test_access_matrix.py`), through Snowflake's own driver:
what is not listed is refused.

*select*, *insert* and *alter* are what they say; *unmask* takes a policy off a table: a masking policy where
the table has one, else the row access policy. Administrators are no part of this: they own what the program
makes, and see no personal value. Roles marked * see rows of the stores that `GOVERNANCE.STORE_ACCESS` gives
them, and no others.
"""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A table or view; `personal` are its columns with packed values, `store` the one that bounds rows."""

    schema: str
    name: str
    kind: Literal["TABLE", "VIEW"] = "TABLE"
    personal: tuple[str, ...] = ()
    store: str | None = None

    @property
    def masked(self) -> bool:
        """Whether a policy could be taken off it."""
        return bool(self.personal or self.store)


def things() -> tuple[Thing, ...]:
    """Return all tables and views of both schemas, as the program and the models make them."""
    catalogue = contracts.load()
    events = generate.events_of(catalogue)
    personal = personal_columns(catalogue, generate.PROJECT, events)
    stores = store_columns(catalogue, generate.PROJECT, events)
    models = [
        Thing(
            schema=PRODUCTION,
            name=model.name,
            personal=tuple(column.upper() for column in personal.get(model.name.lower(), {})),
            store=(stores.get(model.name.lower()) or "").upper() or None,
        )
        for model in published.models()
    ]
    tables = [Thing(schema=GOVERNANCE, name=name) for name in ("PII_VAULT", "STORES", "STORE_ACCESS")]
    return (*models, *tables, Thing(schema=GOVERNANCE, name="PII_ACCESS", kind="VIEW"))


def allowed(role: Role, action: Action, thing: Thing) -> bool:
    """Say whether the specification lets a role do that."""
    if action == "select":
        return _holds(role, thing, "SELECT")
    if action == "insert":
        return thing.kind == "TABLE" and _holds(role, thing, "INSERT")
    # Who may make tables in a schema owns those, and dbt makes all of them as one role.
    owner = any("CREATE TABLE" in right.privileges for right in _rights(role, thing.schema))
    return owner and (action == "alter" or thing.masked)


def _holds(role: Role, thing: Thing, privilege: str) -> bool:
    return any(
        privilege in right.privileges
        and (right.name == thing.name if right.name else right.objects == f"{thing.kind}S")
        for right in _rights(role, thing.schema)
    )


def _rights(role: Role, schema: str) -> Iterator[Right]:
    for spec in ACCESS_ROLES:
        if spec.name in role.access and spec.schema == schema:
            yield from spec.rights


def render() -> str:
    """Return the matrix as a page."""
    parts = [HEADER]
    found = things()
    for schema in (PRODUCTION, GOVERNANCE):
        own = [thing for thing in found if thing.schema == schema]
        rows = [[_named(role), *(_cell(role, thing) for thing in own)] for role in ROLES]
        parts.append(f"## {schema}\n\n{page.table(['role', *(f'`{thing.name}`' for thing in own)], rows)}")
    columns = [(thing, column) for thing in found for column in thing.personal]
    readers = [role for role in ROLES if any(allowed(role, "select", thing) for thing, _ in columns)]
    faces = [
        [role.name, *(FACES[role.face] if allowed(role, "select", thing) else "" for thing, _ in columns)]
        for role in readers
    ]
    heads = ["role", *(f"`{thing.name}.{column}`" for thing, column in columns)]
    parts.append(f"## What a personal column shows\n\n{page.table(heads, faces)}")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _named(role: Role) -> str:
    return f"{role.name} *" if role.by_store else role.name


def _cell(role: Role, thing: Thing) -> str:
    return ", ".join(action for action in ACTIONS if allowed(role, action, thing))


if __name__ == "__main__":
    page.main("Who may do what in the warehouse.", render)
