"""The shipped configurations and the page about the policies follow from the pack."""

import typing
from pathlib import Path

import pytest

import settings
from policies import catalogue, configuration, pack
from policies.driver import Pack, PackError, load

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "policies"
FILES = sorted(FOLDER.glob("config.*.json"))
STRENGTH = ("disabled", "advisory", "mandatory")


def rules(file: Path | None) -> dict[str, str]:
    made = Pack(pack.NAME, pack.assemble(), level=pack.LEVEL)
    made.configure(configuration.read(file))
    return {one.name: one.level.replace("remediate", "mandatory") for one in made.rules}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_configuration_names_only_what_the_pack_has(file: Path) -> None:
    # Every name, level and value that is unknown is told by the error.
    assert rules(file).keys() == rules(None).keys()


def test_configurations_are_those_of_environments() -> None:
    environments = typing.get_args(typing.get_type_hints(settings.Settings)["environment"])
    assert {file.name.split(".")[1] for file in FILES} <= {*environments}
    assert {"config.dev.json", "config.prod.json"} <= {file.name for file in FILES}


def test_in_dev_nothing_stops_and_in_prod_nothing_is_weaker_than_its_policy_says() -> None:
    own, dev, prod = rules(None), rules(FOLDER / "config.dev.json"), rules(FOLDER / "config.prod.json")
    assert "mandatory" in own.values()
    assert set(dev.values()) == {"advisory"}
    assert {name for name in own if STRENGTH.index(prod[name]) < STRENGTH.index(own[name])} == set()


@pytest.mark.parametrize(
    ("stack", "file"),
    [("local", "config.dev.json"), ("dev", "config.dev.json"), ("prod", "config.prod.json")],
)
def test_a_stack_has_the_configuration_of_its_environment(stack: str, file: str) -> None:
    assert configuration.default_file(FOLDER, ROOT, stack) == FOLDER / file


@pytest.mark.parametrize(
    "config", ["lake:environment: test", "other:environment: dev", "lake:environment: [dev]", "lake:owner: x"]
)
def test_where_no_environment_is_known_every_policy_has_its_own_level(config: str, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: lake\n")
    (tmp_path / "Pulumi.new.yaml").write_text(f"config:\n  {config}\n")
    assert configuration.default_file(FOLDER, tmp_path, "new") is None
    assert configuration.default_file(FOLDER, tmp_path, "never-made") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ("[]", "expected a mapping of policies"), (None, "cannot be read")],
)
def test_a_configuration_that_cannot_be_read_says_so(text: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(PackError, match=message):
        configuration.read(file)


def test_the_pack_that_the_engine_runs_is_the_one_assembled_here() -> None:
    served = load(FOLDER)
    assert served.info.name == pack.NAME
    assert [(one.name, one.level) for one in served.rules] == [
        (one.name, one.level) for one in Pack(pack.NAME, pack.assemble(), level=pack.LEVEL).rules
    ]
    assert [one.name for one in served.rules][:-1] == [one.name for one in pack.POLICIES]


def test_the_page_has_the_table_of_the_pack(tmp_path: Path) -> None:
    text = (ROOT / "docs/policies.md").read_text()
    copy = tmp_path / "policies.md"
    copy.write_text(text)
    assert catalogue.write(copy) is False, "run: .venv/bin/python -m policies list --write docs/policies.md"
    copy.write_text(text.replace("| mandatory", "| advisory"))
    assert catalogue.write(copy) is True
    assert copy.read_text() == text
    for one in pack.POLICIES:
        assert f"| `{one.name}` |" in text
    copy.write_text("no marks")
    with pytest.raises(catalogue.PageError, match=r"policies\.md: expected <!-- policies: begin -->"):
        catalogue.write(copy)
