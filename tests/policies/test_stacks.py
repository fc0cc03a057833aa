"""Every shipped stack passes the pack, and a stack that does not is stopped."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from local.cli.app import app
from local.standin import preview

ROOT = Path(__file__).resolve().parents[2]
STACKS = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_passes(stack: str) -> None:
    pack = str(ROOT / "policies")
    done = CliRunner().invoke(
        app, ["preview", "--stack", stack, "--engine", "inprocess", "--policy-pack", pack]
    )
    assert done.exit_code == 0, done.output
    assert f"{stack}: " in done.output
    assert "create" in done.output


def test_a_violation_stops_the_preview(tmp_path: Path) -> None:
    pack = tmp_path / "strict"
    pack.mkdir()
    (pack / "__main__.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from pulumi_policy import EnforcementLevel, PolicyPack\n"
        "from policies.pack import POLICIES\n"
        "level = EnforcementLevel.MANDATORY\n"
        "strict = {'enforcementLevel': level, 'required': ['no-such-tag']}\n"
        "PolicyPack('strict', list(POLICIES), level, {'resource-missing-tags': strict})\n"
    )
    with pytest.raises(Exception, match="no-such-tag"):
        preview(ROOT, "dev", state_dir=tmp_path, engine="inprocess", policy_pack=pack)
