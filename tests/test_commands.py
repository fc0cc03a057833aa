"""Every command of ours that a page tells a reader to type is there: target, module, verb, option, file."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^[ >]*```(\w*)\s*$")
PAGES = sorted(
    ROOT / line
    for line in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
)
PYTHON, MAKE = ".venv/bin/python", "make"
GROUPS = {"reid"}  # of the verbs of `local`
PARSERS = {"argparse", "typer", "click"}


def fenced(page: Path) -> Iterator[str]:
    """The lines that a page's consoles show as typed; a line that goes on is one."""
    language = None
    text = page.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if found := FENCE.match(line):
            language = found[1] if language is None else None
        elif language == "console" and (typed := re.match(r"\s*\$ (.*)", line)):
            yield typed[1]


def inline(page: Path) -> Iterator[str]:
    """Commands of ours between backticks; what stands for something else (`…`, `<…>`) is left out."""
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for found in re.findall(r"`([^`\n]+)`", prose):
        if re.match(rf"({re.escape(PYTHON)} -m|{MAKE}) \S", found):
            yield found


def commands() -> list[tuple[str, list[str]]]:
    """`make` and Python commands with their words, as `(page, words)`."""
    found = []
    for page in PAGES:
        for line in [*fenced(page), *inline(page)]:
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            if words[:1] == [MAKE] or words[:2] == [PYTHON, "-m"]:
                found.append((page.relative_to(ROOT).as_posix(), words))
    return found


@cache
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def missing(words: list[str]) -> list[str]:
    """What a command names and the project does not have."""
    if words[0] == MAKE:
        return [word for word in words[1:] if "=" not in word and word not in targets()]
    module, given = words[2], words[3:]
    if find_spec(module.partition(".")[0]) is None or find_spec(module) is None:
        return [f"-m {module}"]
    if module == "pytest":
        return [word for word in given if "/" in word and not (ROOT / word.partition("::")[0]).exists()]
    if not (ROOT / module.partition(".")[0]).exists() and not (ROOT / f"{module}.py").exists():
        return []  # somebody else's program
    return unknown(module, given)


def unknown(module: str, given: list[str]) -> list[str]:
    """The verb and the options that a program of ours does not know, by its own help."""
    verb = given[0] if given and re.fullmatch(r"[a-z][a-z-]+", given[0]) else None
    options = [word.partition("=")[0] for word in given if word.startswith("--")]
    if not verb and not options:
        return []
    # A verb may be a group of verbs: what follows it is one then.
    below = given[1] if module == "local" and verb in GROUPS and len(given) > 1 else None
    said = helped(module, verb, below)
    if said is None:
        return [" ".join(word for word in ("-m", module, verb, below) if word)]
    return [option for option in options if not re.search(rf"{option}\b", said)]


@cache
def helped(module: str, verb: str | None, below: str | None = None) -> str | None:
    """A program's own help on a verb; None where it has no such verb."""
    if module == "local":
        from local.cli.app import app

        found, words = typer.main.get_command(app), [word for word in (verb, below) if word]
        for word in words:
            found = getattr(found, "commands", {}).get(word)
            if found is None:
                return None
        done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "300"})
        return done.output
    source = find_spec(module)
    assert source and source.origin
    main = Path(source.origin)
    main = main.with_name("__main__.py") if main.name == "__init__.py" else main
    text = main.read_text()
    if not parses(text):
        return text  # it takes words as they are: they stand in it
    words = [sys.executable, "-m", module, *([verb] if verb else []), "--help"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout if done.returncode == 0 else None


def parses(text: str) -> bool:
    """Whether a program has a parser of words, itself or in a module of ours that it imports."""
    imported = names(text)
    ours = (ROOT / f"{name.replace('.', '/')}.py" for name in imported)
    imported |= {name for file in ours if file.is_file() for name in names(file.read_text())}
    return bool(PARSERS & {name.partition(".")[0] for name in imported})


def names(text: str) -> set[str]:
    """The modules that a program imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("page", sorted({page for page, _ in commands()}))
def test_every_command_on_a_page_is_there(page: str) -> None:
    wrong = {" ".join(words): gone for name, words in commands() if name == page and (gone := missing(words))}
    assert wrong == {}


def test_the_commands_are_found() -> None:
    found = [words for _, words in commands()]
    assert [MAKE, "up"] in found
    assert [PYTHON, "-m", "local", "status"] in found
    assert len(found) > 15


@pytest.mark.parametrize(
    ("command", "gone"),
    [
        ("make everything", ["everything"]),
        (f"{PYTHON} -m nothing.here", ["-m nothing.here"]),
        (f"{PYTHON} -m local fly", ["-m local fly"]),
        (f"{PYTHON} -m local up --months 2", ["--months"]),
        (f"{PYTHON} -m pytest tests/nowhere", ["tests/nowhere"]),
        (f"{PYTHON} -m tests.upgrade --twice", ["--twice"]),
        (f"{PYTHON} -m local up --days all --engine=cli", []),
        (f"{PYTHON} -m pytest -n 0 tests/policies", []),
        ("make up DAYS=3", []),
    ],
)
def test_what_is_not_there_is_noticed(command: str, gone: list[str]) -> None:
    assert missing(shlex.split(command)) == gone
