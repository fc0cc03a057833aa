"""DuckDB macros for what Snowflake's functions mean and neither DuckDB nor fakesnow has."""

from __future__ import annotations

_MACROS = {
    # A VARIANT becomes text without the quotes of a JSON string; everything else is cast as usual.
    "_lake_text(x)": """CASE WHEN typeof(x) = 'JSON' THEN json_extract_string(CAST(x AS JSON), '$')
                             ELSE CAST(x AS VARCHAR) END""",
    "_lake_split_part(x, d, n)": """CASE WHEN x IS NULL OR d IS NULL OR n IS NULL THEN NULL
        WHEN d = '' THEN CASE WHEN n IN (0, 1, -1) THEN CAST(x AS VARCHAR) ELSE '' END
        ELSE coalesce(split_part(CAST(x AS VARCHAR), d, CASE WHEN n = 0 THEN 1 ELSE CAST(n AS INTEGER) END), '') END""",
    # DATE_TRUNC of a date is a date.
    "_lake_trunc(p, x)": "cast_to_type(date_trunc(p, x), x)",
    "_lake_typeof(x)": """CASE json_type(to_json(x)) WHEN 'NULL' THEN 'NULL_VALUE' WHEN 'BIGINT' THEN 'INTEGER'
        WHEN 'UBIGINT' THEN 'INTEGER' ELSE json_type(to_json(x)) END""",
    # OBJECT_CONSTRUCT(*): a member for each column that is not null.
    "_lake_object_star(r)": """(SELECT coalesce(json_group_object(u.k, u.v), '{}'::JSON) FROM (
        SELECT k, json_extract(to_json(r), '/' || replace(replace(k, '~', '~0'), '/', '~1')) AS v
        FROM (SELECT unnest(json_keys(to_json(r))) AS k)) AS u WHERE json_type(u.v) <> 'NULL')""",
}
# Elements of an array or members of an object, one row each; with `keep`, one row of nothing where there is none.
_FLATTEN = """_lake_flatten(input, keep) AS TABLE
    SELECT hash(TO_JSON(input))::UBIGINT AS SEQ, e.k AS KEY, e.p AS PATH, e.i AS INDEX, e.v AS VALUE, TO_JSON(input) AS THIS
    FROM (SELECT unnest(CASE
        WHEN json_type(TO_JSON(input)) = 'ARRAY' AND json_array_length(TO_JSON(input)) > 0 THEN
            list_transform(CAST(TO_JSON(input) AS JSON[]), lambda x, n:
                struct_pack(k := NULL::VARCHAR, p := '[' || (n - 1) || ']', i := (n - 1)::BIGINT, v := x))
        WHEN json_type(TO_JSON(input)) = 'OBJECT' AND len(json_keys(TO_JSON(input))) > 0 THEN
            list_transform(json_keys(TO_JSON(input)), lambda x:
                struct_pack(k := x, p := x, i := NULL::BIGINT,
                            v := json_extract(TO_JSON(input), '/' || replace(replace(x, '~', '~0'), '/', '~1'))))
        WHEN keep THEN [struct_pack(k := NULL::VARCHAR, p := NULL::VARCHAR, i := NULL::BIGINT, v := NULL::JSON)]
        ELSE []
    END) AS e)"""


def creation_sql(catalog: str) -> str:
    """The statements that make the macros."""
    scalar = [f"{name} AS ({body})" for name, body in _MACROS.items()]
    return ";".join(f"CREATE OR REPLACE MACRO {catalog}.{macro}" for macro in (*scalar, _FLATTEN))
