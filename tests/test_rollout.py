"""A rollout goes region by region: looked over, shown, approved; the canary first, and no further than it."""

from pathlib import Path
from typing import Any

import yaml

WORKFLOWS = Path(__file__).resolve().parents[1] / ".github/workflows"


def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((WORKFLOWS / name).read_text())


def steps(job: dict[str, Any]) -> list[str]:
    """What a job does, in order: what its steps run, or whose command they are."""
    return [str(one.get("run") or one.get("with", {}).get("command") or one["uses"]) for one in job["steps"]]


def test_a_rollout_begins_with_the_canary_and_goes_on_one_by_one() -> None:
    jobs = workflow("rollout.yml")["jobs"]
    assert jobs["canary"]["needs"] == "plan"
    assert jobs["regions"]["needs"] == ["plan", "canary"]
    assert jobs["regions"]["strategy"]["max-parallel"] == 1
    assert jobs["regions"]["strategy"]["fail-fast"] is True
    for job in (jobs["canary"], jobs["regions"]):
        assert job["uses"] == "./.github/workflows/rollout-region.yml"
        assert "always()" not in str(job.get("if", ""))
    planned = "\n".join(steps(jobs["plan"]))
    assert planned.index("settings stacks --first") < planned.index("settings check --stack")


def test_a_region_is_looked_over_shown_and_approved_before_it_changes() -> None:
    jobs = workflow("rollout-region.yml")["jobs"]
    assert jobs["up"]["needs"] == "preview"
    assert jobs["up"]["environment"] == "rollout-${{ inputs.stack }}"
    for name, job in jobs.items():
        done = steps(job)
        check = next(at for at, step in enumerate(done) if "settings check --stack" in step)
        assert check < done.index(name)
        (pulumi,) = [one["with"] for one in job["steps"] if one.get("with", {}).get("command") == name]
        assert pulumi["policyPacks"] == "policies"
        assert pulumi["stack-name"] == "${{ inputs.stack }}"


def test_no_workflow_writes_a_stack_s_name() -> None:
    """Stacks are the files: a region that is added is rolled out without another change."""
    for name in ("rollout.yml", "rollout-region.yml"):
        text = "\n".join(line for line in (WORKFLOWS / name).read_text().splitlines() if "#" not in line)
        assert "prod" not in text
