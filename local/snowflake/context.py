"""Who asks, and where from: context functions, system functions and session variables, put into a tree as values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlglot
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

from local.snowflake import access, binding
from local.snowflake.commands import Statement
from local.snowflake.errors import compilation, missing, unsupported
from local.snowflake.names import Name, identifier
from local.snowflake.result import SUCCESS, Result

if TYPE_CHECKING:
    from local.snowflake.engine import Engine
    from local.snowflake.session import Session

ACCOUNT_LOCATOR, ACCOUNT, ORGANIZATION, REGION, VERSION = (
    "LAPTOP",
    "FAKESNOW",
    "LOCAL",
    "AWS_LAPTOP",
    "10.0.0",
)
_CONTEXT: dict[str, Any] = {
    "CURRENT_ROLE": lambda s: s.role,
    "INVOKER_ROLE": lambda s: s.role,
    "CURRENT_USER": lambda s: s.user.upper(),
    "CURRENT_ACCOUNT": lambda _: ACCOUNT_LOCATOR,
    "CURRENT_ACCOUNT_NAME": lambda _: ACCOUNT,
    "CURRENT_ORGANIZATION_NAME": lambda _: ORGANIZATION,
    "CURRENT_REGION": lambda _: REGION,
    "CURRENT_VERSION": lambda _: VERSION,
    "CURRENT_DATABASE": lambda s: s.database,
    "CURRENT_SCHEMA": lambda s: s.schema,
    "CURRENT_WAREHOUSE": lambda s: s.warehouse,
    "CURRENT_SESSION": lambda s: s.id,
    "CURRENT_CLIENT": lambda _: "laptop",
    "CURRENT_SECONDARY_ROLES": lambda _: '{"roles":"","value":""}',
    "LAST_QUERY_ID": lambda s: next(reversed(s.results), None),
}


def substitute(session: Session, tree: exp.Expr) -> exp.Expr:
    """Put values in place of context functions, system functions and variables, anywhere in the tree."""

    def value(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Parameter):
            return _variable(session, node)
        if not isinstance(node, exp.Func):
            return node
        name = identifier(node.name) if isinstance(node, exp.Anonymous) else node.sql_name().upper()
        if name in _CONTEXT:
            found = literal(_CONTEXT[name](session))
            return exp.alias_(found, f"{name}()", quoted=True) if _is_column(node) else found
        if name == "IS_ROLE_IN_SESSION":
            return _named(node, _role_in_session(session, node.expressions[0].copy()))
        if name in session.engine.functions:
            arguments = [constant(session, argument) for argument in node.expressions]
            return _named(node, literal(session.engine.functions[name](session, *arguments)))
        if name.startswith("SYSTEM$"):
            raise unsupported(f"the function {name}")
        return node

    return tree.transform(value, copy=False)


def depends_on_session(tree: exp.Expr) -> bool:
    """Whether the tree asks who or where the session is."""
    names = {
        identifier(f.name) if isinstance(f, exp.Anonymous) else f.sql_name().upper()
        for f in tree.find_all(exp.Func)
    }
    return bool(names & (_CONTEXT.keys() | {"IS_ROLE_IN_SESSION"})) or tree.find(exp.Parameter) is not None


def _is_column(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Select) and node.arg_key == "expressions"


def _named(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    return (
        exp.alias_(value, node.sql(dialect="snowflake").upper(), quoted=True) if _is_column(node) else value
    )


def literal(value: Any) -> exp.Expr:
    """A Python value as a constant of a tree."""
    return sqlglot.parse_one(binding.written(value), read="snowflake")


def _role_in_session(session: Session, role: exp.Expr) -> exp.Expr:
    roles = sorted(access.closure(session.catalog, session.role))
    if isinstance(role, exp.Literal):
        return exp.true() if role.name in roles else exp.false()
    return exp.In(
        this=substitute(session, exp.paren(role)), expressions=[exp.Literal.string(name) for name in roles]
    )


def constant(session: Session, node: exp.Expr) -> Any:
    """The value of an argument that must be known before the statement runs."""
    if isinstance(node, exp.Literal):
        return node.this if node.is_string else (float(node.this) if "." in node.this else int(node.this))
    if isinstance(node, exp.Boolean):
        return node.this
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Parameter):
        return constant(session, _variable(session, node))
    from local.snowflake import query  # noqa: PLC0415 (queries know contexts)

    if node.find(exp.Column, exp.Query):
        raise unsupported(f"an argument that is not a constant: {node.sql(dialect='snowflake')[:80]}")
    return query.run(session, exp.select(node.copy())).rows[0][0]


# -- session variables and settings


def _variable(session: Session, node: exp.Parameter) -> exp.Expr:
    name = node.name.upper()
    if name not in session.variables:
        raise compilation(f"Session variable '${name}' does not exist", 1003, "42000")
    return session.variables[name].copy()


def set_variables(session: Session, statement: Statement) -> Result:
    """``SET x = …`` and ``SET (x, y) = (…, …)``."""
    from local.snowflake import query  # noqa: PLC0415 (queries know contexts)

    many = statement.accept("(")
    names = statement.names()
    if many:
        statement.expect(")")
    statement.expect("=")
    text = statement.rest()
    tree = sqlglot.parse_one(f"SELECT {text[1:-1] if many else text}", read="snowflake")
    row = query.run(session, tree).rows[0]
    if len(row) != len(names):
        raise compilation("SET needs as many values as names.", 1003, "42000")
    session.variables.update({name: literal(value) for name, value in zip(names, row, strict=True)})
    return Result.status(SUCCESS)


def _unset(session: Session, statement: Statement) -> Result:
    many = statement.accept("(")
    for name in statement.names():
        session.variables.pop(name, None)
    if many:
        statement.expect(")")
    statement.end()
    return Result.status(SUCCESS)


_PARAMETERS = {  # key: default, type, description
    "AUTOCOMMIT": ("true", "BOOLEAN", "commit each statement"),
    "QUERY_TAG": ("", "STRING", "text to find a session's statements by"),
    "TIMEZONE": ("Etc/UTC", "STRING", "time zone"),
    "QUOTED_IDENTIFIERS_IGNORE_CASE": ("false", "BOOLEAN", "quoted identifiers keep their case"),
    "TIMESTAMP_TYPE_MAPPING": ("TIMESTAMP_NTZ", "STRING", "what TIMESTAMP means"),
    "WEEK_START": ("0", "NUMBER", "first day of the week"),
    "CLIENT_SESSION_KEEP_ALIVE": ("false", "BOOLEAN", "the driver keeps the session alive"),
    "STATEMENT_TIMEOUT_IN_SECONDS": ("172800", "NUMBER", "limit of a statement's time"),
    "ABORT_DETACHED_QUERY": ("false", "BOOLEAN", "stop statements of a lost session"),
    "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": ("ARROW", "STRING", "how answers travel"),
    "GEOGRAPHY_OUTPUT_FORMAT": ("GeoJSON", "STRING", "how GEOGRAPHY is written"),
}
_FIXED_PARAMETERS = {"TIMEZONE", "QUOTED_IDENTIFIERS_IGNORE_CASE", "TIMESTAMP_TYPE_MAPPING", "WEEK_START"}


def set_parameter(session: Session, key: str, value: Any) -> None:
    """Set a parameter of the session; one that would change what statements mean keeps its default."""
    if key not in _PARAMETERS:
        raise unsupported(f"the session parameter {key}")
    default = _PARAMETERS[key][0]
    if key in _FIXED_PARAMETERS and str(value).lower() not in (
        default.lower(),
        "utc" if key == "TIMEZONE" else "",
    ):
        raise unsupported(f"{key} = {value} (it is {default})")
    if key == "AUTOCOMMIT":
        session.commit()
        session.autocommit = str(value).lower() == "true"
    session.parameters[key] = value


def _alter_session(session: Session, statement: Statement) -> Result:
    if statement.accept("SET"):
        for key, value in statement.properties().items():
            set_parameter(session, key, value)
    else:
        statement.expect("UNSET")
        for key in statement.names():
            session.parameters.pop(key, None)
            if key == "AUTOCOMMIT":
                session.autocommit = True
    statement.end()
    return Result.status(SUCCESS)


def parameters(session: Session) -> list[tuple[str, str, str, str, str, str]]:
    """What SHOW PARAMETERS shows of a session."""
    return [
        (
            key,
            str(session.parameters.get(key, default)),
            default,
            "SESSION" if key in session.parameters else "",
            text,
            kind,
        )
        for key, (default, kind, text) in sorted(_PARAMETERS.items())
    ]


# -- USE


def _use(session: Session, statement: Statement) -> Result:
    kind = statement.accept_any("ROLE", "WAREHOUSE", "DATABASE", "SCHEMA", "SECONDARY ROLES")
    if kind == "SECONDARY ROLES":
        if statement.word() != "NONE":
            raise unsupported("secondary roles (USE SECONDARY ROLES NONE is the laptop's way)")
    elif kind == "ROLE":
        _use_role(session, statement.word())
    elif kind == "WAREHOUSE":
        name = statement.account_name()
        session.require("USAGE", "WAREHOUSE", name)
        session.warehouse = name.name
    else:
        _use_place(session, kind, statement.parts())
    statement.end()
    return Result.status(SUCCESS)


def _use_role(session: Session, role: str) -> None:
    if not access.may_use_role(session, role):
        raise ProgrammingError(
            msg=f"SQL execution error:\nRequested role '{role}' is not assigned to the executing user. "
            "Specify another role to activate.",
            errno=3013,
            sqlstate="42501",
        )
    session.role = role


def _use_place(session: Session, kind: str, parts: list[str]) -> None:
    if kind == "DATABASE" or (not kind and len(parts) == 1):
        session.require("USAGE", "DATABASE", Name.account(parts[-1]))
        session.database, session.schema = parts[-1], None
        if session.catalog.get("SCHEMA", Name.of_schema(parts[-1], "PUBLIC")):
            session.schema = "PUBLIC"
        return
    name = session.schema_name(parts)
    if not session.catalog.get("SCHEMA", name):
        raise missing("object", name)
    session.require("USAGE", "SCHEMA", name)
    session.database, session.schema = name.database, name.name


def _available_roles(session: Session) -> str:
    return json.dumps(sorted(access.closure(session.catalog, session.role)))


def install(engine: Engine) -> None:
    """Answer the statements on sessions."""
    engine.register("USE", _use)
    engine.register("SET", set_variables)
    engine.register("UNSET", _unset)
    engine.register("ALTER SESSION", _alter_session)
    engine.register_function("CURRENT_AVAILABLE_ROLES", _available_roles)
