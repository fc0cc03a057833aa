"""From a Snowflake syntax tree, already resolved, to SQL of DuckDB: fakesnow's transforms, and ours where they err."""

from __future__ import annotations

from collections.abc import Callable

from fakesnow import transforms as fake
from sqlglot import exp

from local.snowflake import paths
from local.snowflake.errors import unsupported

Transform = Callable[[exp.Expr], exp.Expr]
_TEXT = (
    exp.DataType.Type.VARCHAR,
    exp.DataType.Type.TEXT,
    exp.DataType.Type.NVARCHAR,
    exp.DataType.Type.CHAR,
)


def sized_text(node: exp.Expr) -> exp.Expr:
    """A cast to VARCHAR(n) keeps n characters."""
    if not isinstance(node, exp.Cast) or node.to.this not in _TEXT:
        return node
    size = next((e.this for e in node.to.expressions if isinstance(e, exp.DataTypeParam)), None)
    if size is None:
        return node
    whole = type(node)(this=node.this.transform(sized_text), to=exp.DataType.build("VARCHAR"))
    return exp.Anonymous(this="left", expressions=[whole, size.copy()])


def variant_text(node: exp.Expr) -> exp.Expr:
    """``column::STRING`` of a VARIANT gives the text in it, not JSON with quotes."""
    if isinstance(node, exp.ToChar) and not node.args.get("format"):
        return exp.Anonymous(this="_lake_text", expressions=[node.this])
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast) and node.to.this in _TEXT:
        inner = node.this
        while isinstance(inner, exp.Paren):
            inner = inner.this
        if not isinstance(
            inner, (exp.Literal, exp.JSONExtract, exp.JSONExtractScalar, exp.Bracket, exp.Null)
        ):
            return exp.Anonymous(this="_lake_text", expressions=[node.this])
    return node


_STRING_FUNCTIONS = (
    exp.DPipe, exp.Concat, exp.ConcatWs, exp.Length, exp.Trim, exp.Substring, exp.SplitPart, exp.Replace, exp.Initcap,
    exp.RegexpReplace, exp.RegexpLike, exp.RegexpExtract, exp.Like, exp.ILike, exp.StartsWith, exp.EndsWith, exp.Contains,
    exp.Left, exp.Right, exp.Pad, exp.Reverse, exp.SHA2, exp.MD5, exp.ToBase64, exp.Split, exp.StrPosition,
)  # fmt: skip
_COMPARISONS = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.In,
    exp.Between,
)


def path_text(node: exp.Expr) -> exp.Expr:
    """``payload:status = 'sold'`` and ``UPPER(payload:status)`` look at the text in a VARIANT, not at JSON with quotes."""
    if not isinstance(node, exp.JSONExtract) or isinstance(node, exp.JSONExtractScalar):
        return node
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    text = isinstance(parent, _STRING_FUNCTIONS)
    if isinstance(parent, _COMPARISONS):
        text = any(isinstance(e, exp.Literal) and e.is_string for e in parent.find_all(exp.Literal))
    if not text:
        return node
    return exp.JSONExtractScalar(this=node.this, expression=node.expression)


def date_trunc(node: exp.Expr) -> exp.Expr:
    """DATE_TRUNC keeps the type of what it truncates."""
    if isinstance(node, (exp.DateTrunc, exp.TimestampTrunc)) and not isinstance(node.this, exp.Literal):
        return exp.Anonymous(
            this="_lake_trunc", expressions=[exp.Literal.string(node.text("unit").lower()), node.this]
        )
    return node


def type_of(node: exp.Expr) -> exp.Expr:
    """TYPEOF in Snowflake's words."""
    return (
        exp.Anonymous(this="_lake_typeof", expressions=[node.this]) if isinstance(node, exp.Typeof) else node
    )


def split_part(node: exp.Expr) -> exp.Expr:
    """SPLIT_PART with Snowflake's part 0 and parts beyond the end."""
    if isinstance(node, exp.SplitPart):
        return exp.Anonymous(
            this="_lake_split_part", expressions=[node.this, node.args["delimiter"], node.args["part_index"]]
        )
    return node


def object_star(node: exp.Expr) -> exp.Expr:
    """OBJECT_CONSTRUCT(*) by a macro that binds under any subquery."""
    if isinstance(node, exp.Anonymous) and node.name.upper() == "_FS_OBJECT_CONSTRUCT_STAR":
        return exp.Anonymous(this="_lake_object_star", expressions=node.expressions)
    return node


def concatenation(node: exp.Expr) -> exp.Expr:
    """A VARIANT column in a concatenation gives its text."""
    if isinstance(node, exp.Column) and isinstance(node.parent, (exp.DPipe, exp.Concat)):
        return exp.Anonymous(this="_lake_text", expressions=[node.copy()])
    return node


def flatten(node: exp.Expr) -> exp.Expr:
    """FLATTEN with INPUT, PATH and OUTER; what else it can is refused."""
    if not (isinstance(node, (exp.Lateral, exp.TableFromRows)) and isinstance(node.this, exp.Explode)):
        return node
    given: dict[str, exp.Expr] = {}
    for place, argument in enumerate([node.this.this, *node.this.expressions]):
        named = isinstance(argument, exp.Kwarg)
        given[argument.this.name.upper() if named else str(place)] = (
            argument.expression if named else argument
        )
    source = given.pop("INPUT", None) or given.pop("0")
    keep = given.pop("OUTER", exp.false())
    path = given.pop("PATH", None)
    if given.get("MODE", exp.Literal.string("BOTH")).name.upper() == "BOTH":
        given.pop("MODE", None)
    if given.get("RECURSIVE", exp.false()) == exp.false():
        given.pop("RECURSIVE", None)
    if given:
        raise unsupported(f"{', '.join(sorted(given))} of FLATTEN")
    if path is not None:
        source = exp.JSONExtract(this=source, expression=exp.Literal.string(f"$.{path.name}"))
    call = exp.Anonymous(this="_lake_flatten", expressions=[source, keep])
    return exp.Table(this=call, alias=node.args.get("alias"), joins=node.args.get("joins"))


# fakesnow's order, without what commands do here, and without its numeric_agg_implicit_cast, which makes money a float.
_TRANSFORMS: tuple[Transform, ...] = (
    fake.upper_case_unquoted_identifiers,
    fake.current_version,
    fake.semi_structured_types,
    fake.try_parse_json,
    sized_text,
    path_text,
    date_trunc,
    type_of,
    fake.split,
    split_part,
    fake.trim_cast_varchar,
    fake.indices_to_json_extract,
    variant_text,
    concatenation,
    fake.json_extract_cast_as_varchar,
    fake.json_extract_cased_as_varchar,
    fake.json_extract_precedence,
    flatten,
    fake.regex_replace,
    fake.regex_substr,
    fake.values_columns,
    fake.to_date,
    fake.timestamp_offsets,
    fake.to_decimal,
    fake.to_timestamp,
    fake.to_variant,
    fake.object_construct,
    object_star,
    fake.timestamp_ntz,
    fake.float_to_double,
    fake.integer_precision,
    fake.sample,
    fake.array_size,
    fake.random,
    fake.array_agg_within_group,
    fake.array_agg,
    fake.object_agg,
    fake.array_construct_etc,
    fake.dateadd_date_cast,
    fake.dateadd_string_literal_timestamp_cast,
    fake.datediff_string_literal_timestamp_cast,
    fake.haversine,
    fake.hex_string,
    fake.sha256,
    fake.alias_in_join,
    fake.alias_in_where,
)


def translate(expression: exp.Expr) -> exp.Expr:
    """The tree in DuckDB's terms; the given tree may be changed."""
    for transform in _TRANSFORMS:
        expression = expression.transform(transform, copy=False)
    for select in list(expression.find_all(exp.Select)):
        paths.shared(select)
    return expression


def to_duckdb(expression: exp.Expr) -> str:
    """The statement as DuckDB takes it."""
    return translate(expression).sql(dialect="duckdb")
