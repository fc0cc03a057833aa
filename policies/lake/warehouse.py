"""The warehouse's side of a lake: which pipes load what, and on which channels they listen."""

import re
from collections.abc import Callable, Iterable, Iterator

from policies.graph import Graph, Node
from policies.lake.parts import Pipe

PIPE = "snowflake:index/pipe:Pipe"
STAGES = (
    "snowflake:index/stageExternalS3:StageExternalS3",
    "snowflake:index/stageExternalAzure:StageExternalAzure",
    "snowflake:index/stage:Stage",
)
# The stage that a COPY reads, and the path below it.
_FROM = re.compile(r"@((?:\"[^\"]+\"|\w+)(?:\.(?:\"[^\"]+\"|\w+)){0,2})(?:/([^\s'\")]*))?")

# Says of a stage where it looks: a zone, and a prefix if it is known.
Located = Callable[[Node], tuple[Node | None, str | None]]
# Says of a pipe on which channels it would listen.
Listening = Callable[[Node], Iterable[Node]]


def pipes(graph: Graph, located: Located, listening: Listening) -> Iterator[Pipe]:
    """Yield the pipes."""
    for node in graph.of(PIPE):
        listens = listening(node) if node.get("autoIngest") is True else ()
        yield Pipe(node=node, loads=tuple(_loads(graph, node, located)), listens=tuple(listens))


def _loads(graph: Graph, pipe: Node, located: Located) -> Iterator[tuple[Node, str | None]]:
    for name, path in _FROM.findall(pipe.text("copyStatement") or ""):
        for stage in graph.of(*STAGES):
            if not _is_called(stage, identifier(name), pipe):
                continue
            zone, prefix = located(stage)
            if zone is not None:
                yield zone, None if prefix is None else prefix + path


def _is_called(stage: Node, name: tuple[str, ...], pipe: Node) -> bool:
    """Say whether a statement of a pipe means a stage; what it leaves out is the pipe's own."""
    own = [stage.text(key) for key in ("database", "schema", "name")]
    around = [pipe.text(key) for key in ("database", "schema")]
    meant = [*around[: 3 - len(name)], *name]
    return all(a is None or b is None or a == b for a, b in zip(own, meant, strict=True))


def identifier(name: str) -> tuple[str, ...]:
    """Return the parts of an identifier, as Snowflake keeps them."""
    parts = re.findall(r"\"((?:[^\"]|\"\")+)\"|([^.\"]+)", name)
    return tuple(quoted.replace('""', '"') if quoted else bare.upper() for quoted, bare in parts)
