"""DuckDB macros for what Snowflake's functions mean and neither DuckDB nor fakesnow has."""

from __future__ import annotations

_MACROS = {
    # A VARIANT becomes text without the quotes of a JSON string; everything else is cast as usual.
    "_lake_text(x)": """CASE WHEN typeof(x) = 'JSON' THEN json_extract_string(CAST(x AS JSON), '$')
                             ELSE CAST(x AS VARCHAR) END""",
    "_lake_split_part(x, d, n)": """CASE WHEN x IS NULL OR d IS NULL OR n IS NULL THEN NULL
        WHEN d = '' THEN CASE WHEN n IN (0, 1, -1) THEN CAST(x AS VARCHAR) ELSE '' END
        ELSE coalesce(split_part(CAST(x AS VARCHAR), d, CASE WHEN n = 0 THEN 1 ELSE CAST(n AS INTEGER) END), '') END""",
}


def creation_sql(catalog: str) -> str:
    """The statements that make the macros."""
    return ";".join(f"CREATE OR REPLACE MACRO {catalog}.{name} AS ({body})" for name, body in _MACROS.items())
