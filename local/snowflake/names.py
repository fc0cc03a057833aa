"""Names of objects: read as Snowflake reads identifiers, written so that DuckDB takes them as they are."""

from __future__ import annotations

from typing import NamedTuple

from sqlglot import exp

PLAIN = str.isidentifier


def quoted(identifier: str) -> str:
    """The identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as a SQL string of DuckDB."""
    return "'" + text.replace("'", "''") + "'"


class Name(NamedTuple):
    """A full name; objects of the account have no database, schemas and databases no schema."""

    database: str
    schema: str
    name: str

    def __str__(self) -> str:
        return ".".join(part for part in self if part)

    @property
    def sql(self) -> str:
        """The name for DuckDB."""
        return ".".join(quoted(part) for part in self if part)

    @property
    def parent(self) -> Name:
        """The schema that holds this object, as a name."""
        return Name(self.database, "", self.schema)

    @property
    def table(self) -> exp.Table:
        """The name as a table of a syntax tree, every part quoted."""
        return exp.Table(
            this=exp.to_identifier(self.name, quoted=True),
            db=exp.to_identifier(self.schema, quoted=True) if self.schema else None,
            catalog=exp.to_identifier(self.database, quoted=True) if self.database else None,
        )

    @classmethod
    def account(cls, name: str) -> Name:
        """An object of the account: a role, a warehouse, a database."""
        return cls("", "", name)

    @classmethod
    def of_schema(cls, database: str, schema: str) -> Name:
        """A schema's own name."""
        return cls(database, "", schema)


def identifier(node: exp.Expr | str | None) -> str:
    """What an identifier of a syntax tree means: upper case, unless it was quoted."""
    if node is None or isinstance(node, str):
        return (node or "").upper()
    if isinstance(node, exp.Identifier):
        return node.this if node.args.get("quoted") else node.this.upper()
    return node.name.upper()


def parts_of(text: str) -> list[str]:
    """The parts of a written name, e.g. ``db.schema."My table"``."""
    parts: list[str] = []
    rest = text.strip()
    while rest:
        if rest.startswith('"'):
            end = rest.index('"', 1)
            while rest[end : end + 2] == '""':
                end = rest.index('"', end + 2)
            parts.append(rest[1:end].replace('""', '"'))
            rest = rest[end + 1 :]
        else:
            head, dot, tail = rest.partition(".")
            parts.append(head.strip().upper())
            rest = dot + tail
        if rest.startswith("."):
            rest = rest[1:]
    return parts
