"""States as earlier versions of the program left them: made once at a release, kept, and gone on from.

A state is compact and says nothing of the machine that made it: no path, no time, no salt; and it is refused
if it holds a secret.
"""

import gzip
import json
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import components.lake  # noqa: F401 (imported before a run, so that a run uses these very modules)
from components.aws.package import Package
from local.standin import run_in_process
from local.standin.cli import Cli
from local.standin.core import Recorder
from local.standin.state import State
from local.standin.wire import ARCHIVE, SECRET, SIGNATURE

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
INPROCESS, ENGINE = "inprocess", "engine"
STACKS = {INPROCESS: ("dev", "prod"), ENGINE: ("dev",)}
NOT_KEPT = ("created", "modified", "sourcePosition", "stackTrace")
PACKAGE = ".build/functions.zip"


def version() -> str:
    """The version that this program is, or is going to be."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def kept(engine: str) -> list[Path]:
    """The states that are kept, of an engine."""
    return sorted(HERE.glob(f"*.{engine}.json.gz"))


def file_of(of_version: str, stack: str, engine: str) -> Path:
    """`0.1.0-dev.inprocess.json.gz`."""
    return HERE / f"{of_version}-{stack}.{engine}.json.gz"


def parts(file: Path) -> tuple[str, str]:
    """The version and the stack of a kept state."""
    of_version, _, rest = file.name.partition("-")
    return of_version, rest.partition(".")[0]


def read(file: Path) -> dict[str, Any]:
    return json.loads(gzip.decompress(file.read_bytes()))


def keep(document: dict[str, Any], stack: str, engine: str) -> Path:
    """Write a state of this version; the same state is the same file to the byte."""
    text = json.dumps(_neutral(document), separators=(",", ":"))
    if SECRET in text or '"sealed"' in text or '"ciphertext"' in text:
        raise ValueError(f"the state of {stack} holds a secret: it cannot be kept")
    file = file_of(version(), stack, engine)
    file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    return file


def of_this_process(stack: str, root: Path = ROOT) -> dict[str, Any]:
    """What the engine in this process keeps after a first deployment."""
    with TemporaryDirectory() as directory:
        file = Path(directory) / f"{stack}.json"
        run(root, stack, State(file))
        return json.loads(file.read_text())


def of_the_engine(stack: str, root: Path = ROOT) -> dict[str, Any]:
    """What the real engine exports after a first deployment to recording stand-ins."""
    with TemporaryDirectory() as directory:
        engine = Cli(project_dir=root, stack=stack, home=Path(directory), backend=Recorder())
        engine.up()
        exported = engine.exported()
    return {**exported, "deployment": {"resources": exported["deployment"]["resources"]}}


def run(root: Path, stack: str, state: State, *, preview: bool = False) -> Any:
    """Run the program in this process; the functions' package needs no package index."""
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        package = Path(directory) / "functions.zip"
        package.write_bytes(b"PK\x05\x06" + bytes(18))
        patch.setattr(Package, "path", package)
        return run_in_process(root, stack, state=state, preview=preview)


def _neutral(value: Any) -> Any:
    if isinstance(value, dict):
        found = {name: _neutral(item) for name, item in value.items() if name not in NOT_KEPT}
        return {**found, "path": PACKAGE} if found.get(SIGNATURE) == ARCHIVE else found
    return [_neutral(item) for item in value] if isinstance(value, list) else value
