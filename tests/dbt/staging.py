"""A warehouse with STAGING as the program makes it, to put events in: the contracts' tables, the roles."""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import contracts
from components.snowflake import roles
from local.snowflake.server import Running
from local.state import Lake, Paths, Warehouse

DATABASE = "RETAIL_TEST"
CATALOGUE = contracts.load()
LOADED = datetime.now(UTC) - timedelta(hours=1)


def packed(value: str | None, display: str = "shown") -> str | None:
    """A personal value as the transform packs it; what is in it cannot be read back."""
    if value is None:
        return None
    token = base64.urlsafe_b64encode(hashlib.sha256(value.encode()).digest()[:24]).decode()
    ciphertext = base64.b64encode(hashlib.sha512(value.encode()).digest()).decode()
    return f"1:{token}:{ciphertext}:{display}"


def line(
    number: int, product: str, value: Any, *, quantity: int = 1, retail: Any = 0, coupon: Any = 0
) -> Any:
    """One line of a sale."""
    return {
        "line": number,
        "product_id": product,
        "quantity": quantity,
        "sales_value": value,
        "retail_disc": retail,
        "coupon_disc": coupon,
        "coupon_match_disc": 0,
    }


@dataclass(frozen=True, kw_only=True)
class Staging:
    """STAGING of a lake that has no streams and no tasks."""

    lake: Lake

    def run(self, *statements: str, role: str = "ACCOUNTADMIN") -> list[tuple[Any, ...]]:
        """Run statements, and return the last one's rows."""
        rows: list[tuple[Any, ...]] = []
        with closing(self.lake.connect(role=role)) as session, session.cursor() as cursor:
            for statement in statements:
                rows = cursor.execute(statement).fetchall()  # type: ignore[union-attr, assignment]
        return rows

    def deploy(self) -> None:
        """Make what the program makes: schemas, tables, roles, policies."""
        self.run(f"CREATE DATABASE {DATABASE}")
        tables = {"QUARANTINE": contracts.QUARANTINE_COLUMNS} | {
            event.table: (*contracts.ENVELOPE_COLUMNS, *event.columns) for event in CATALOGUE.all_events
        }
        self.run(
            *(f"CREATE SCHEMA {DATABASE}.{schema}" for schema in roles.SCHEMAS),
            *(
                f"CREATE TABLE {DATABASE}.STAGING.{name} ({_ddl(columns)})"
                for name, columns in tables.items()
            ),
            *(
                f"CREATE MASKING POLICY {DATABASE}.GOVERNANCE.MASK_{kind.upper()} AS (VAL VARCHAR) "
                f"RETURNS VARCHAR -> {roles.masking_body('', kind=kind)}"
                for kind in CATALOGUE.pii_kinds
            ),
            *(
                f"CREATE TABLE {DATABASE}.GOVERNANCE.{name} ({_ddl(columns)})"
                for name, columns in (
                    ("PII_VAULT", contracts.VAULT_COLUMNS),
                    ("STORES", contracts.STORES_COLUMNS),
                    ("STORE_ACCESS", contracts.STORE_ACCESS_COLUMNS),
                )
            ),
            f"CREATE ROW ACCESS POLICY {DATABASE}.GOVERNANCE.STORE_ROWS AS (SOLD_IN VARCHAR) "
            f"RETURNS BOOLEAN -> {roles.store_rows_body(DATABASE, '')}",
            *_granted(),
        )

    def mask_staging(self) -> None:
        """Protect STAGING's columns as the program does; directly, where the program uses tags."""
        self.run(
            *(
                f"ALTER TABLE {DATABASE}.STAGING.{event.table} MODIFY COLUMN {column.name} "
                f"SET MASKING POLICY {DATABASE}.GOVERNANCE.MASK_{column.pii.upper()}"
                for event in CATALOGUE.all_events
                for column in event.columns
                if column.pii
            )
        )

    def sale(
        self,
        event_id: str,
        lines: Sequence[Any],
        *,
        at: str,
        store: str = "s1",
        customer: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        address: str | None = None,
        total: float | None = None,
        loaded: datetime | None = None,
        table: str = "POS_SALE",
    ) -> None:
        """Put a sale of a till (or an order) into STAGING, as its task would."""
        source, _, event = table.lower().partition("_")
        self.insert(
            table,
            {
                **envelope(event_id, source, at, loaded or datetime.now(UTC)),
                ("TRANSACTION_ID" if event == "sale" else "ORDER_ID"): event_id,
                "STORE_ID": store,
                "CURRENCY": "USD",
                "CUSTOMER_LOYALTY_ID": customer,
                "CUSTOMER_EMAIL": packed(email, "xxxxx@example.com"),
                "CUSTOMER_PHONE": packed(phone, "•••-••42"),
                "CUSTOMER_ADDRESS": packed(address, "Seattle, US"),
                "LINES": list(lines),
                "TOTAL": sum(float(each["sales_value"]) for each in lines) if total is None else total,
            },
        )

    def order(self, event_id: str, lines: Sequence[Any], **facts: Any) -> None:
        """Put an order of the web shop into STAGING."""
        self.sale(event_id, lines, table="ECOMMERCE_ORDER", **facts)

    def insert(self, table: str, row: dict[str, Any]) -> None:
        """Insert a row; lists become VARIANT."""
        values = ", ".join(_literal(value) for value in row.values())
        self.run(f"INSERT INTO {DATABASE}.STAGING.{table} ({', '.join(row)}) SELECT {values}")


def envelope(event_id: str, source: str, at: str, loaded: datetime) -> dict[str, Any]:
    """The columns that every event has."""
    return {
        "EVENT_ID": event_id,
        "SOURCE": source,
        "SCHEMA_VERSION": 1,
        "PRODUCER_TS": at,
        "INGESTED_AT": (loaded - timedelta(seconds=20)).replace(tzinfo=None).isoformat(),
        "DATA_KEY": "wrapped",
        "LOADED_AT": loaded.isoformat(),
    }


def _ddl(columns: Sequence[contracts.Column]) -> str:
    return ", ".join(
        f"{column.name} {column.type}{'' if column.nullable else ' NOT NULL'}" for column in columns
    )


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"PARSE_JSON({_literal(json.dumps(value))})"
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def _granted() -> Iterator[str]:
    for access in roles.ACCESS_ROLES:
        yield f"CREATE ROLE {access.name}"
        for right in access.rights:
            privileges = ", ".join(right.privileges)
            schema = f"SCHEMA {DATABASE}.{access.schema}"
            if right.objects is None:
                yield f"GRANT {privileges} ON {schema} TO ROLE {access.name}"
            elif right.objects == "VIEW":
                continue  # of this lake's accesses nothing is told
            elif right.name:
                on = f"{right.objects} {DATABASE}.{access.schema}.{right.name}"
                yield f"GRANT {privileges} ON {on} TO ROLE {access.name}"
            elif right.objects in {"TABLES", "VIEWS"}:
                yield f"GRANT {privileges} ON ALL {right.objects} IN {schema} TO ROLE {access.name}"
                yield f"GRANT {privileges} ON FUTURE {right.objects} IN {schema} TO ROLE {access.name}"
        yield f"GRANT USAGE ON DATABASE {DATABASE} TO ROLE {access.name}"
    for role in roles.ROLES:
        yield f"CREATE ROLE {role.name}"
        for access_role in role.access:
            yield f"GRANT ROLE {access_role} TO ROLE {role.name}"
    rows = f"ROW ACCESS POLICY {DATABASE}.GOVERNANCE.STORE_ROWS"
    yield f"GRANT APPLY ON {rows} TO ROLE TRANSFORMER"
    for kind in CATALOGUE.pii_kinds:
        yield f"GRANT APPLY ON MASKING POLICY {DATABASE}.GOVERNANCE.MASK_{kind.upper()} TO ROLE TRANSFORMER"


@contextmanager
def staging(root: Path) -> Iterator[Staging]:
    """A warehouse of its own below ``root``, deployed."""
    paths = Paths(root).make()
    with Running(paths.warehouse) as server:
        where = Warehouse(host="127.0.0.1", port=server.port, database=DATABASE)
        lake = Lake(paths=paths, endpoint="", region="", warehouse=where)
        found = Staging(lake=lake)
        found.deploy()
        yield found
