"""decisions.jsonl.gz as a table: of DuckDB, which reads the files where they are, and of Amazon Athena.

Made from the type of a line, so that the columns are those that are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter

from orchestrator.core.report.rows import DecisionLine

Schema = Mapping[str, Any]
LINES = "decisions.jsonl.gz"
LOCAL_FILES = f".stop-orchestrator/sweeps/*/*/{LINES}"
"""Of all sweeps, where the command line keeps them without a bucket."""
BUCKET = "BUCKET"
"""In the statements, for the name of the report bucket."""
_DUCKDB = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
_ATHENA = {"string": "string", "integer": "bigint", "number": "double", "boolean": "boolean"}


def line_columns() -> tuple[str, ...]:
    """The names of a line's fields, in their order."""
    return tuple(_line()["properties"])


def duckdb_view(files: str) -> str:
    """A view `decisions` of the files of that pattern, which may begin with `s3://`; `dt` and `sweep` are folders."""
    schema = _line()
    columns = ",\n".join(f"    {name}: '{_duckdb(one, schema)}'" for name, one in schema["properties"].items())
    quoted = files.replace("'", "''")
    reader = f"read_json(\n  '{quoted}',\n  hive_partitioning = true,\n  columns = {{\n{columns}\n  }}\n)"
    return f"CREATE OR REPLACE VIEW decisions AS FROM {reader};\n"


def athena_table(bucket: str = BUCKET) -> str:
    """A table `decision_lines` over the folders of all sweeps, and a view `decisions` of what is a decision in them.

    Athena reads every file of a folder: lines that are no JSON are passed over, and the view leaves out the others.
    Keys of tags may differ by case alone, so that they are taken as they are.
    """
    schema = _line()
    columns = ",\n".join(f"  `{name}` {_athena(one, schema)}" for name, one in schema["properties"].items())
    listed = ",\n  ".join(f'"{name}"' for name in (*schema["properties"], "dt"))
    table = f"""CREATE EXTERNAL TABLE decision_lines (
{columns}
)
PARTITIONED BY (`dt` string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true', 'case.insensitive' = 'false')
LOCATION 's3://{bucket}/sweeps/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW',
  'storage.location.template' = 's3://{bucket}/sweeps/dt=${{dt}}/'
);
"""
    chosen = f"SELECT {listed}\nFROM decision_lines\nWHERE \"$path\" LIKE '%/{LINES}'"
    return f"{table}\nCREATE OR REPLACE VIEW decisions AS\n{chosen};\n"


def _line() -> Schema:
    return TypeAdapter(DecisionLine).json_schema()


def _duckdb(field: Schema, schema: Schema) -> str:
    def struct(fields: Mapping[str, str]) -> str:
        return f"STRUCT({', '.join(f'{name} {kind}' for name, kind in fields.items())})"

    if "pattern" in field and "T" in field["pattern"]:
        return "TIMESTAMP"
    return _typed(field, schema, _duckdb, _DUCKDB, lambda of: f"{of}[]", lambda of: f"MAP(VARCHAR, {of})", struct)


def _athena(field: Schema, schema: Schema) -> str:
    def struct(fields: Mapping[str, str]) -> str:
        return f"struct<{','.join(f'{name}:{kind}' for name, kind in fields.items())}>"

    return _typed(field, schema, _athena, _ATHENA, lambda of: f"array<{of}>", lambda of: f"map<string,{of}>", struct)


def _typed(
    field: Schema,
    schema: Schema,
    again: Callable[[Schema, Schema], str],
    words: Mapping[str, str],
    array: Callable[[str], str],
    mapping: Callable[[str], str],
    struct: Callable[[Mapping[str, str]], str],
) -> str:
    """The type in a dialect; what may be of several types is text there."""
    if "$ref" in field:
        properties = schema["$defs"][field["$ref"].rpartition("/")[2]]["properties"]
        return struct({name: again(one, schema) for name, one in properties.items()})
    each = [one for one in field.get("anyOf", (field,)) if one.get("type") != "null"]
    if len(each) > 1:
        return words["string"]
    if each[0] is not field:
        return again(each[0], schema)
    if field.get("type") == "array":
        return array(again(field["items"], schema))
    if field.get("type") == "object":
        return mapping(again(field["additionalProperties"], schema))
    return words[field.get("type", "string")]
