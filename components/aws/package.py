"""The zip of all functions: our code, the contracts and pinned wheels, equal to the byte on every machine.

Wheels are fetched for the functions' Python and platform, whatever runs the program. Files are stored, not
compressed (compressors differ in their bytes), in a fixed order, with one date and one mode. What is made is
kept under `.build/` by a digest of all that goes into it.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import pulumi

from settings import Functions

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements" / "functions.txt"
OURS = ("contracts", "functions")
SUFFIXES = {".py", ".json"}
LARGEST = 50 * 1024 * 1024  # what Lambda takes in a request
KEPT = 60 * 60  # seconds
FORMAT = "1"  # of the zip: another one makes another digest

# The oldest C library that a runtime has.
_LIBRARY = {"python3.11": "manylinux_2_17"}
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}


class PackageError(pulumi.RunError):
    """The functions' package cannot be made."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What the functions run on; no platform means that of this machine."""

    runtime: str
    architecture: str
    platform: str | None

    @classmethod
    def of(cls, functions: Functions) -> "Target":
        """Return what the settings ask for, `current` being what runs this."""
        runtime, architecture = functions.runtime, functions.architecture
        here = "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"
        this = f"python{sys.version_info.major}.{sys.version_info.minor}"
        current = architecture == "current"
        machine = here if current else architecture
        found = this if runtime == "current" else runtime
        library = _LIBRARY.get(found, "manylinux_2_28")
        return cls(
            runtime=found,
            architecture=machine,
            platform=None if current else f"{_MACHINES[machine]}-{library}",
        )

    @property
    def python(self) -> str:
        """The version of Python."""
        return self.runtime.removeprefix("python")


@dataclass(frozen=True, kw_only=True)
class Package:
    """The zip for a target; made when it is first asked for."""

    target: Target
    build: Path = ROOT / ".build"
    requirements: Path = field(default_factory=lambda: REQUIREMENTS)
    # Where in the zip the wheels lie, what else lies beside the code, and how large it may get.
    wheels_under: str = ""
    beside: tuple[tuple[str, Path], ...] = ()
    largest: int = LARGEST

    @cached_property
    def path(self) -> Path:
        """Where the zip is."""
        wheels = self._wheels()
        sources = [*_sources(), *self.beside]
        digest = _digest([FORMAT.encode(), wheels.name.encode(), *_flat(sources)])
        zipped = self.build / f"functions-{digest}.zip"
        if not zipped.exists():
            installed = [(f"{self.wheels_under}{name}", path) for name, path in _installed(wheels)]
            self._write(zipped, [*sources, *installed])
            self._forget()
        return zipped

    @cached_property
    def archive(self) -> pulumi.FileArchive:
        """The zip, for a function's `code`; by a path that is the same in every clone where it can be."""
        here = Path.cwd()
        inside = self.path.is_relative_to(here)
        return pulumi.FileArchive(str(self.path.relative_to(here) if inside else self.path))

    def _wheels(self) -> Path:
        """Install the requirements for the target, once."""
        target = f"{self.target.python} {self.target.platform or platform.platform(terse=True)}"
        digest = _digest([FORMAT.encode(), target.encode(), self.requirements.read_bytes()])
        wheels = self.build / f"wheels-{digest}"
        if wheels.is_dir():
            return wheels
        self.build.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.build, prefix="wheels.") as scratch:
            installed = Path(scratch) / "installed"
            _install(self.target, self.requirements, installed)
            try:
                installed.rename(wheels)
            except OSError:  # somebody else was faster, with the same result
                if not wheels.is_dir():
                    raise
        return wheels

    def _forget(self) -> None:
        """Remove what was made for code that is no more; a deployment may still read what is younger."""
        for zipped in self.build.glob("functions-*.zip"):
            if zipped.stat().st_mtime < time.time() - KEPT:
                zipped.unlink(missing_ok=True)

    def _write(self, zipped: Path, files: Iterable[tuple[str, Path]]) -> None:
        with tempfile.NamedTemporaryFile(dir=self.build, prefix="functions.", delete=False) as draft:
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
                for name, path in sorted(files):
                    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                    entry.create_system = 3  # Unix, whose modes these are
                    entry.external_attr = 0o100644 << 16
                    archive.writestr(entry, path.read_bytes())
            size = draft.tell()
        made = Path(draft.name)
        if size > self.largest:
            made.unlink()
            raise PackageError(f"the functions' package has {size:,} bytes; {self.largest:,} are taken")
        made.replace(zipped)


def _sources() -> Iterator[tuple[str, Path]]:
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path


def _installed(wheels: Path) -> Iterator[tuple[str, Path]]:
    """The wheels' files but for what the installer wrote, and what it compiled."""
    for path in wheels.rglob("*"):
        inside = path.relative_to(wheels)
        left_out = {"__pycache__", "bin", ".lock"} & set(inside.parts) or (
            inside.parts[0].endswith(".dist-info") and path.name not in {"METADATA", "entry_points.txt"}
        )
        if path.is_file() and not left_out:
            yield inside.as_posix(), path


def _flat(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    for name, path in files:
        yield name.encode()
        yield path.read_bytes()


def _digest(parts: Iterable[bytes]) -> str:
    digest = sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def _uv() -> str:
    """Find the pinned uv: beside this Python, or in its own environment."""
    for place in (Path(sys.executable).parent, ROOT / ".venv-uv" / "bin"):
        if (place / "uv").is_file():
            return str(place / "uv")
    raise PackageError(
        "uv is needed to fetch the functions' wheels and is in neither .venv nor .venv-uv: "
        "run `make environment`"
    )


def _install(target: Target, requirements: Path, into: Path) -> None:
    command = [
        *(_uv(), "pip", "install", "--quiet", "--no-config", "--require-hashes", "--only-binary", ":all:"),
        *("--target", str(into), "--link-mode", "copy", "--python-version", target.python),
        *(("--python-platform", target.platform) if target.platform else ()),
        *("--python", sys.executable, "--requirement", str(requirements)),
    ]
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        shutil.rmtree(into, ignore_errors=True)
        raise PackageError(
            f"the wheels of requirements/{requirements.name} for Python {target.python} on "
            f"{target.platform or 'this machine'} could not be fetched:\n{done.stderr.strip()}"
        )
