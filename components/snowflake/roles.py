"""Who may do what in the warehouse: the one specification of roles, rights and faces.

Access roles hold rights on one schema; functional roles, which people and services take on, hold access
roles. No functional role is granted to another or to an administrator: `IS_ROLE_IN_SESSION` would then
show administrators what they are not to see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from contracts import NESTED

SCHEMAS = ("RAW", "STAGING", "PRODUCTION", "GOVERNANCE")


class Face(Enum):
    """What a role reads of a protected value; who has no face reads three asterisks."""

    PACKED = "packed"
    TOKEN = "token"  # noqa: S105 (the name of a face)
    DISPLAY = "display"


@dataclass(frozen=True, kw_only=True)
class Right:
    """Privileges on a schema, on all objects of a kind in it (those to come included), or on one by name."""

    privileges: tuple[str, ...]
    objects: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccessRole:
    """Rights on one schema; its name says which."""

    name: str
    schema: str
    rights: tuple[Right, ...]


@dataclass(frozen=True, kw_only=True)
class Role:
    """A functional role; one by store sees rows of those stores only that GOVERNANCE gives it."""

    name: str
    purpose: str
    access: tuple[str, ...]
    warehouse: str
    face: Face | None = None
    by_store: bool = False


USAGE = Right(privileges=("USAGE",))
SELECT = (Right(privileges=("SELECT",), objects="TABLES"), Right(privileges=("SELECT",), objects="VIEWS"))
CHANGE = Right(privileges=("INSERT", "UPDATE", "DELETE", "TRUNCATE"), objects="TABLES")

ACCESS_ROLES = (
    AccessRole(name="RAW_R", schema="RAW", rights=(USAGE, *SELECT)),
    AccessRole(
        name="RAW_W",
        schema="RAW",
        rights=(
            USAGE,
            Right(privileges=("INSERT",), objects="TABLES"),
            Right(privileges=("OPERATE", "MONITOR"), objects="PIPES"),
            Right(privileges=("USAGE",), objects="STAGES"),
            Right(privileges=("USAGE",), objects="FILE FORMATS"),
        ),
    ),
    AccessRole(name="STAGING_R", schema="STAGING", rights=(USAGE, *SELECT)),
    AccessRole(
        name="STAGING_W",
        schema="STAGING",
        rights=(USAGE, CHANGE, Right(privileges=("OPERATE", "MONITOR"), objects="TASKS")),
    ),
    AccessRole(name="PRODUCTION_R", schema="PRODUCTION", rights=(USAGE, *SELECT)),
    AccessRole(
        name="PRODUCTION_W",
        schema="PRODUCTION",
        rights=(Right(privileges=("USAGE", "CREATE TABLE", "CREATE VIEW")), CHANGE),
    ),
    # Applying a masking policy is granted policy by policy: there are no future grants of it.
    AccessRole(name="GOVERNANCE_R", schema="GOVERNANCE", rights=(USAGE,)),
    # In GOVERNANCE every object has readers of its own: no right there is on all of a kind.
    AccessRole(
        name="VAULT_R",
        schema="GOVERNANCE",
        rights=(USAGE, Right(privileges=("SELECT",), objects="TABLE", name="PII_VAULT")),
    ),
    AccessRole(
        name="AUDIT_R",
        schema="GOVERNANCE",
        rights=(USAGE, Right(privileges=("SELECT",), objects="VIEW", name="PII_ACCESS")),
    ),
)

ROLES = (
    Role(
        name="ANALYST",
        purpose="reads what is published; personal values masked",
        access=("PRODUCTION_R",),
        warehouse="query",
        face=Face.DISPLAY,
    ),
    Role(
        name="DATA_SCIENCE",
        purpose="joins and segments on tokens",
        access=("PRODUCTION_R", "STAGING_R"),
        warehouse="query",
        face=Face.TOKEN,
    ),
    Role(
        name="INVENTORY_MANAGER",
        purpose="reads stock and sales of the regions and stores given; no personal values",
        access=("PRODUCTION_R",),
        warehouse="query",
        by_store=True,
    ),
    Role(
        name="STORE_MANAGER",
        purpose="reads sales of the stores given; no personal values",
        access=("PRODUCTION_R",),
        warehouse="query",
        by_store=True,
    ),
    Role(
        name="MARKETING_OPS",
        purpose="builds audiences of tokens, for re-identification under approval",
        access=("PRODUCTION_R",),
        warehouse="query",
        face=Face.TOKEN,
    ),
    Role(
        name="REID_SERVICE",
        purpose="reads packed values, to reveal the allowed ones one by one",
        access=("PRODUCTION_R", "STAGING_R", "VAULT_R"),
        warehouse="query",
        face=Face.PACKED,
    ),
    Role(
        name="TRANSFORMER",
        purpose="builds production from staging",
        access=("RAW_R", "STAGING_R", "STAGING_W", "PRODUCTION_R", "PRODUCTION_W", "GOVERNANCE_R"),
        warehouse="transform",
        face=Face.PACKED,
    ),
    Role(
        name="LOADER",
        purpose="operates the pipes and reloads from the landing zone",
        access=("RAW_W",),
        warehouse="load",
    ),
    Role(
        name="AUDITOR",
        purpose="reads what is published and quarantined, masked, and who read personal columns",
        access=("PRODUCTION_R", "STAGING_R", "AUDIT_R"),
        warehouse="query",
        face=Face.DISPLAY,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that logs in by itself: its name in the settings, and the one role that it has."""

    name: str
    role: str
    purpose: str

    @property
    def warehouse(self) -> str:
        """The compute that it starts on: its role's."""
        return next(role.warehouse for role in ROLES if role.name == self.role)


SERVICES = (
    Service(name="tableau", role="ANALYST", purpose="Tableau's dashboards"),
    Service(name="power_bi", role="ANALYST", purpose="Power BI's reports"),
    Service(name="looker", role="ANALYST", purpose="Looker's explores"),
    Service(name="dbt", role="TRANSFORMER", purpose="dbt, where it runs outside of Snowflake"),
    Service(name="sagemaker", role="DATA_SCIENCE", purpose="SageMaker's features and models"),
    Service(name="databricks", role="DATA_SCIENCE", purpose="Databricks' features and models"),
    Service(name="reid", role="REID_SERVICE", purpose="the re-identification service"),
)

DISPLAY = "REGEXP_REPLACE(VAL, '^[^:]*:[^:]*:[^:]*:', '')"
# Of a reader through a share: its own roles mean nothing to the stack, its account does.
ACCOUNT = "CURRENT_ORGANIZATION_NAME() || '.' || CURRENT_ACCOUNT_NAME()"


def masking_body(prefix: str, guests: Sequence[str] = (), *, kind: str | None = None) -> str:
    """Return the body of a kind's masking policy: the face of the role that asks, the fullest first.

    Parameters
    ----------
    prefix
        What the stack's role names begin with.
    guests
        The accounts that read through a share, and see the masked display.
    kind
        Of the personal data. An array with some in it has no face: it is seen whole, or not at all.
    """
    faces = (
        (Face.PACKED, "VAL"),
        (Face.TOKEN, "SPLIT_PART(VAL, ':', 2)"),
        (Face.DISPLAY, DISPLAY),
    )
    cases = [
        f"WHEN {_any_of(prefix, [role.name for role in ROLES if role.face is face])} THEN {shown}"
        for face, shown in (faces[:1] if kind == NESTED else faces)
    ]
    if guests and kind != NESTED:
        known = ", ".join(f"'{guest}'" for guest in guests)
        cases.append(f"WHEN {ACCOUNT} IN ({known}) THEN {DISPLAY}")
    return " ".join(["CASE", *cases, "WHEN VAL IS NULL THEN NULL ELSE '***' END"])


def store_rows_body(database: str, prefix: str) -> str:
    """Return the body of the row access policy over a store's id, SOLD_IN.

    Who has a role that is bound to stores, and none that is not, sees the stores that STORE_ACCESS gives to
    that role or to this user, each by itself or by its region; a store that STORES does not place is seen by
    none of them. Everybody else sees all: whether somebody may read a table at all, grants say.

    Parameters
    ----------
    database
        The stack's database, as Snowflake spells it.
    prefix
        What the stack's role names begin with.
    """
    bound = _any_of(prefix, [role.name for role in ROLES if role.by_store])
    free = _any_of(prefix, [role.name for role in ROLES if not role.by_store])
    given = (
        f"SELECT store.STORE_ID FROM {database}.GOVERNANCE.STORES AS store "  # noqa: S608 (names are checked)
        f"INNER JOIN {database}.GOVERNANCE.STORE_ACCESS AS given "
        "ON given.STORE_ID = store.STORE_ID OR given.REGION = store.REGION "
        "WHERE IS_ROLE_IN_SESSION(given.ROLE_NAME) "
        "AND (given.USER_NAME IS NULL OR given.USER_NAME = CURRENT_USER())"
    )
    return f"CASE WHEN ({bound}) AND NOT ({free}) THEN SOLD_IN IN ({given}) ELSE TRUE END"


def _any_of(prefix: str, names: list[str]) -> str:
    return " OR ".join(f"IS_ROLE_IN_SESSION('{prefix}{name}')" for name in names)
