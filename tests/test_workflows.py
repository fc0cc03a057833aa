"""The workflows are sound: valid YAML, jobs that GitHub takes, and commands that exist here."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from local.cli import app as local_app
from policies import cli as policies_cli

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
COMMAND_LINES = {"local": local_app.app, "policies": policies_cli.app}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)


def document(file: Path) -> dict[Any, Any]:
    return yaml.safe_load(file.read_text())


def steps(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in document(file)["jobs"].items():
        for step in job.get("steps", ()):
            yield name, step


def commands(file: Path) -> Iterator[list[str]]:
    for _, step in steps(file):
        # What is ours; the rest of a script is the shell's.
        for line in str(step.get("run", "")).splitlines():
            if re.match(r"\s*(make|\.venv/bin/python) ", line):
                yield shlex.split(EXPRESSION.sub("value", line), comments=True)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_has_what_github_asks_for(file: Path) -> None:
    found = document(file)
    # YAML 1.1 reads the key `on` as true.
    assert found.get("on", found.get(True))
    assert found["permissions"], "without it a token may write everything"
    for name, job in found["jobs"].items():
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file(), (name, "a workflow of ours is called by its file")
        else:
            assert job["runs-on"], name
            assert job["steps"], name
        needs = job.get("needs", [])
        assert {*([needs] if isinstance(needs, str) else needs)} <= found["jobs"].keys()
    for name, step in steps(file):
        assert ("run" in step) != ("uses" in step), (name, step)
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[\w.-]+|\./[\w./-]+", step["uses"]), step["uses"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_command_exists(file: Path) -> None:
    called = [job for job in document(file)["jobs"].values() if "uses" in job]
    found = list(commands(file))
    assert found or called
    for program, *words in found:
        if program == "make":
            assert {word for word in words if "=" not in word} <= TARGETS, words
        else:
            assert words[0] == "-m", words
            module = ROOT / words[1].replace(".", "/")
            assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file(), words
            if words[1] in COMMAND_LINES:
                takes(words[1], words[2:])


def takes(module: str, words: list[str]) -> None:
    """Let the command line itself read the words, without running the verb."""
    group: Any = typer.main.get_command(COMMAND_LINES[module])
    verb = group.commands[words[0]]
    try:
        verb.make_context(words[0], list(words[1:]))
    except Exception as error:  # typer has its errors from a click of its own
        pytest.fail(f"python -m {module} {' '.join(words)}: {error}")


def test_a_command_that_does_not_exist_would_be_found() -> None:
    for words in (
        ["report", "--stck", "prod"],
        ["report"],
        ["preview", "--stack", "prod", "--format", "sarif"],
    ):
        module = "local" if words[0] == "preview" else "policies"
        with pytest.raises(pytest.fail.Exception):
            takes(module, words)


def test_every_stack_is_previewed_with_the_pack_and_its_findings_are_shown() -> None:
    job = document(ROOT / ".github/workflows/ci.yml")["jobs"]["preview"]
    assert {*job["strategy"]["matrix"]["stack"]} <= {
        path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml")
    }
    runs = [" ".join(step["run"].split()) for step in job["steps"] if "run" in step]
    (preview,) = [run for run in runs if "local preview" in run]
    (report,) = [run for run in runs if "policies report" in run]
    saved = re.search(r"--save (\S+)", preview)
    assert saved
    assert "--policy-pack policies" in preview
    assert f"--state {saved[1]}" in report
    assert "--annotate" in report
    assert '--summary "$GITHUB_STEP_SUMMARY"' in report
    written = re.search(r"--format sarif --output (\S+)", report)
    assert written
    (upload,) = [step for step in job["steps"] if "upload-sarif" in step.get("uses", "")]
    assert upload["with"]["sarif_file"] == written[1]
    assert job["permissions"]["security-events"] == "write"
