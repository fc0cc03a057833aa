"""The engine in this process, on recordings."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from local.standin import run_in_process
from local.standin.adapter import StandInError
from local.standin.configuration import ConfigError
from local.standin.core import Recorder
from local.standin.inprocess import destroy_in_process, refresh_in_process
from local.standin.monitor import ProgramError
from local.standin.state import State, StateError
from local.standin.steps import StepError
from local.standin.wire import UNKNOWN

Program = Callable[..., Path]
CHAIN = """
key = aws.kms.Key("key", description="d")
alias = aws.kms.Alias("alias", name="alias/a", target_key_id=key.key_id)
bucket = aws.s3.Bucket("b", bucket="the-bucket")
policy = aws.s3.BucketPolicy("p", bucket=bucket.bucket, policy="{}")
pulumi.export("key", key.arn)
"""


class Remembering(Recorder):
    """A recorder that remembers what was asked of it, and fails where it is told to."""

    def __init__(self, fail: str = "") -> None:
        super().__init__()
        self.calls: list[str] = []
        self.fail = fail

    def create(self, what: Any, place: Any, name: str, inputs: Any) -> Any:
        if name == self.fail:
            raise StandInError("no room")
        self.calls.append(f"create {name}")
        return super().create(what, place, name, inputs)

    def update(self, what: Any, place: Any, rid: str, old: Any, new: Any, *, outputs: Any) -> Any:
        self.calls.append(f"update {what.type.split(':')[-1]}")
        return super().update(what, place, rid, old, new, outputs=outputs)

    def delete(self, what: Any, place: Any, rid: str, inputs: Any) -> None:
        self.calls.append(f"delete {what.type.split(':')[-1]}")
        super().delete(what, place, rid, inputs)


def settings(root: Path) -> Any:
    from local.standin import configuration

    return configuration.load(root, "test")


def test_a_run_gives_resources_and_outputs(program: Program):
    run = run_in_process(program(CHAIN), "test")
    assert run.one("aws:kms/alias:Alias").inputs["targetKeyId"] == run.one("aws:kms/key:Key").id
    assert run.outputs["key"] == run.one("key").outputs["arn"]
    assert run.changes == {"create": 5}
    assert run.one("p").dependencies == [run.one("b").urn]
    assert run.one("p").property_dependencies["bucket"] == [run.one("b").urn]
    assert run.one("alias").urn == "urn:pulumi:test::small::aws:kms/alias:Alias::alias"


def test_two_runs_record_the_same(program: Program):
    root = program(CHAIN)
    one, other = (run_in_process(root, "test") for _ in range(2))
    assert {r.urn: (r.id, r.outputs) for r in one.resources} == {
        r.urn: (r.id, r.outputs) for r in other.resources
    }


def test_a_preview_knows_only_what_the_program_says(program: Program):
    run = run_in_process(program(CHAIN), "test", preview=True)
    assert run.one("key").outputs["arn"] == UNKNOWN
    assert run.one("alias").inputs == {"name": "alias/a", "targetKeyId": UNKNOWN}
    assert run.one("b").outputs["bucket"] == "the-bucket"
    assert run.outputs == {"key": UNKNOWN}


def test_secrets_stay_marked(program: Program, tmp_path: Path):
    root = program(
        'key = aws.kms.Key("key", description=pulumi.Config().require_secret("word"))\n'
        'pulumi.export("word", key.description)\npulumi.export("open", key.id)\n'
        'more = aws.kms.Key("more", opts=pulumi.ResourceOptions(additional_secret_outputs=["arn"]))\n'
        'pulumi.export("arn", more.arn)'
    )
    state = State(tmp_path / "state.json")
    run = run_in_process(root, "test", config={"small:word": "h0st4ge"}, state=state)
    assert run.outputs["word"] == "h0st4ge"
    # A value from outside the stack's file is no secret to the engine; the program's word for it is.
    assert run.secret_outputs == {"word", "arn"}
    for file in tmp_path.glob("state.*"):
        assert b"h0st4ge" not in file.read_bytes()
    assert stat.S_IMODE((tmp_path / "state.key").stat().st_mode) == 0o600
    again = State(tmp_path / "state.json")
    assert again.resources[run.one("key").urn].inputs["description"] == "h0st4ge"
    assert again.resources[run.one("key").urn].raw_inputs == run.one("key").raw_inputs


def test_secrets_of_the_stack_file_are_opened(program: Program):
    # Made by `pulumi config set --secret word open-sesame` with the passphrase "correct horse".
    root = program(
        'pulumi.export("word", pulumi.Config().require("word"))',
        (Path(__file__).parent / "encrypted.yaml").read_text(),
    )
    assert run_in_process(root, "test", passphrase="correct horse").outputs == {"word": "open-sesame"}
    with pytest.raises(ConfigError, match=r"the passphrase does not open small:word"):
        run_in_process(root, "test", passphrase="wrong horse")
    with pytest.raises(ConfigError, match="PULUMI_CONFIG_PASSPHRASE"):
        run_in_process(root, "test")
    assert run_in_process(root, "test", config={"small:word": "given"}).outputs == {"word": "given"}


def test_a_second_run_changes_nothing(program: Program, tmp_path: Path):
    root, backend = program(CHAIN), Remembering()
    run_in_process(root, "test", backend=backend, state=State(tmp_path / "s.json"))
    before, backend.calls = (tmp_path / "s.json").read_text(), []
    run = run_in_process(root, "test", backend=backend, state=State(tmp_path / "s.json"))
    assert run.changes == {"same": 5}
    assert backend.calls == []
    assert sorted((tmp_path / "s.json").read_text()) == sorted(before)


def test_update_replace_and_delete(program: Program):
    state, backend = State(), Remembering()
    run_in_process(program(CHAIN), "test", backend=backend, state=state)
    backend.calls = []
    changed = CHAIN.replace('description="d"', 'description="e"').replace("alias/a", "alias/b")
    run = run_in_process(program(changed), "test", backend=backend, state=state)
    assert run.changes == {"same": 3, "update": 1, "replace": 1, "delete": 1}
    # The new alias is there before the old one goes.
    assert backend.calls.index("create alias") < backend.calls.index("delete Alias")
    backend.calls = []
    without = changed.replace('policy = aws.s3.BucketPolicy("p", bucket=bucket.bucket, policy="{}")', "")
    run_in_process(program(without), "test", backend=backend, state=state)
    assert backend.calls == ["delete BucketPolicy"]


def test_what_would_collide_is_deleted_first_with_what_hangs_on_it(program: Program):
    state, backend = State(), Remembering()
    run_in_process(program(CHAIN), "test", backend=backend, state=state)
    backend.calls = []
    locked = CHAIN.replace('bucket="the-bucket"', 'bucket="the-bucket", object_lock_enabled=True')
    run = run_in_process(program(locked), "test", backend=backend, state=state)
    assert backend.calls == ["delete BucketPolicy", "delete Bucket", "create b", "create p"]
    assert len(run.resources) == 5


def test_replace_with(program: Program):
    source = """
stage = snowflake.StageExternalS3("stage", database="D", schema="S", name=NAME, url="s3://b/")
pipe = snowflake.Pipe("pipe", database="D", schema="S", name="P", copy_statement="COPY INTO T FROM @X",
                      opts=pulumi.ResourceOptions(replace_with=[stage]))
"""
    state, backend = State(), Remembering()
    run_in_process(program("NAME = 'ONE'" + source), "test", backend=backend, state=state)
    backend.calls = []
    run_in_process(program("NAME = 'TWO'" + source), "test", backend=backend, state=state)
    assert backend.calls == ["create stage", "delete Pipe", "create pipe", "delete StageExternalS3"]


def test_deletion_goes_against_the_dependencies(program: Program):
    state, backend = State(), Remembering()
    root = program(CHAIN)
    run_in_process(root, "test", backend=backend, state=state)
    backend.calls = []
    destroy_in_process(state, backend, settings(root))
    assert backend.calls.index("delete BucketPolicy") < backend.calls.index("delete Bucket")
    assert backend.calls.index("delete Alias") < backend.calls.index("delete Key")
    assert state.resources == {}
    assert state.outputs == {}


def test_a_failure_keeps_what_was_made_and_the_next_run_goes_on(program: Program, tmp_path: Path):
    root, backend = program(CHAIN), Remembering(fail="p")
    with pytest.raises(StepError, match=r"BucketPolicy::p: no room"):
        run_in_process(root, "test", backend=backend, state=State(tmp_path / "s.json"))
    kept = {one.name for one in State(tmp_path / "s.json").resources.values()}
    assert {"key", "b"} <= kept
    assert "p" not in kept
    backend.calls, backend.fail = [], ""
    run = run_in_process(root, "test", backend=backend, state=State(tmp_path / "s.json"))
    assert "create p" in backend.calls
    assert "create b" not in backend.calls
    assert run.outputs["key"] == run.one("key").outputs["arn"]


def test_a_failure_deletes_nothing(program: Program):
    state, backend = State(), Remembering()
    run_in_process(program(CHAIN), "test", backend=backend, state=state)
    backend.calls = []
    with pytest.raises(ValueError, match="halfway"):
        run_in_process(program('raise ValueError("halfway")'), "test", backend=backend, state=state)
    assert backend.calls == []
    assert len(state.resources) == 5


def test_protected_resources_are_not_deleted(program: Program):
    state = State()
    source = 'aws.kms.Key("key", opts=pulumi.ResourceOptions(protect=True))\naws.kms.Key("other")'
    run_in_process(program(source), "test", state=state)
    backend = Remembering()
    with pytest.raises(StepError, match=r"protected.*Key::key"):
        run_in_process(program(""), "test", backend=backend, state=state)
    assert backend.calls == []
    with pytest.raises(StepError, match="protected"):
        destroy_in_process(state, backend, settings(program("")))
    assert backend.calls == []


def test_options(program: Program):
    state, backend = State(), Remembering()
    source = """
a = aws.kms.Key("a", description=D, opts=pulumi.ResourceOptions(ignore_changes=["description"]))
b = aws.kms.Key("b", description=D, opts=pulumi.ResourceOptions(replace_on_changes=["description"]))
c = aws.kms.Key("c", opts=pulumi.ResourceOptions(retain_on_delete=True))
"""
    run_in_process(program("D = 'one'" + source), "test", backend=backend, state=state)
    backend.calls = []
    run = run_in_process(program("D = 'two'" + source), "test", backend=backend, state=state)
    assert backend.calls == ["create b", "delete Key"]
    assert run.one("a").inputs["description"] == "one"
    backend.calls = []
    run_in_process(program(""), "test", backend=backend, state=state)
    assert backend.calls == ["delete Key", "delete Key"]


def test_a_renamed_resource_is_kept_by_its_alias(program: Program):
    state, backend = State(), Remembering()
    run_in_process(program('aws.kms.Key("old")'), "test", backend=backend, state=state)
    backend.calls = []
    source = 'aws.kms.Key("new", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))'
    run_in_process(program(source), "test", backend=backend, state=state)
    assert backend.calls == []
    assert [one.name for one in state.resources.values() if one.managed] == ["new"]


NESTED = """
class Part(pulumi.ComponentResource):
    def __init__(self, kind, name, opts=None):
        super().__init__(kind, name, {}, opts)
        aws.kms.Key(f"{name}-key", opts=pulumi.ResourceOptions(parent=self))
        aws.kms.Key("other", opts=pulumi.ResourceOptions(parent=self))


class Whole(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("x:index:Whole", name, {}, opts)
        Part("x:index:PART", f"{name}-part", pulumi.ResourceOptions(parent=self, aliases=PART))


Whole("NAME", pulumi.ResourceOptions(aliases=WHOLE))
"""


def nested(name: str, part: str, whole_was: str = "None", part_was: str = "None") -> str:
    source = NESTED.replace("NAME", name).replace('x:index:PART"', f'x:index:{part}"')
    return source.replace("aliases=WHOLE", f"aliases={whole_was}").replace(
        "aliases=PART", f"aliases={part_was}"
    )


@pytest.mark.parametrize("preview", [True, False])
def test_what_is_in_a_renamed_component_is_kept_by_its_alias(program: Program, preview: bool):
    state, backend = State(), Remembering()
    run_in_process(program(nested("old", "Part")), "test", backend=backend, state=state)
    backend.calls = []
    source = nested("new", "Piece", "[pulumi.Alias(name='old')]", "[pulumi.Alias(type_='x:index:Part')]")
    run = run_in_process(program(source), "test", backend=backend, state=state, preview=preview)
    assert backend.calls == []
    assert set(run.changes) == {"same"}
    if not preview:
        kept = {one.urn.split("::", 2)[2] for one in state.resources.values() if one.managed}
        assert kept == {
            "x:index:Whole$x:index:Piece$aws:kms/key:Key::new-part-key",
            "x:index:Whole$x:index:Piece$aws:kms/key:Key::other",
        }
    # Without the inner alias, what is in the part is made anew.
    lost = nested("newer", "Other", "[pulumi.Alias(name='new'), pulumi.Alias(name='old')]")
    run = run_in_process(program(lost), "test", backend=backend, state=state, preview=True)
    assert run.changes["delete"] == run.changes["create"] - 1 == 2


def test_an_explicit_provider_says_where(program: Program):
    run = run_in_process(
        program(
            'there = aws.Provider("there", region="us-east-1")\n'
            'one = aws.kinesis.Stream("one", shard_count=1)\n'
            'two = aws.kinesis.Stream("two", shard_count=1, opts=pulumi.ResourceOptions(provider=there))\n'
            "where = aws.get_region_output(opts=pulumi.InvokeOptions(provider=there))\n"
            'pulumi.export("where", where.region)\n'
        ),
        "test",
    )
    assert run.one("one").outputs["arn"].startswith("arn:aws:kinesis:eu-west-1:")
    assert run.one("two").outputs["arn"].startswith("arn:aws:kinesis:us-east-1:")
    assert run.outputs == {"where": "us-east-1"}


def test_stack_references(program: Program):
    source = (
        'pulumi.export("seen", pulumi.StackReference("organization/other/prod").require_output("answer"))'
    )
    root = program(source)
    known = {"organization/other/prod": {"answer": 42}}
    assert run_in_process(root, "test", stack_references=known).outputs == {"seen": 42}
    with pytest.raises(ProgramError, match="organization/other/prod"):
        run_in_process(root, "test")


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        (
            'aws.kinesis.Stream("s", shard_count="1")',
            StepError,
            r"Stream::s: shardCount: expected integer, found string",
        ),
        ('aws.kms.Key("k")\naws.kms.Key("k")', ProgramError, r"two resources have the URN .*Key::k"),
        ('aws.ec2.Vpc("v", cidr_block="10.0.0.0/16")', StandInError, "aws:ec2/vpc:Vpc has no stand-in"),
        ('aws.kms.Key("k").arn.apply(lambda arn: 1 / 0)', ZeroDivisionError, "division"),
        (
            'aws.sqs.Queue("q", name_prefix="p")',
            StepError,
            "namePrefix: is not for stand-ins: say name, or nothing",
        ),
        ("1 / 0", ZeroDivisionError, "division"),
        ("import sys\nsys.exit(3)", SystemExit, "3"),
        (
            'aws.kms.Key("k", opts=pulumi.ResourceOptions(import_="id"))',
            ProgramError,
            "import_ needs the pulumi engine",
        ),
        ("aws.get_availability_zones()", StandInError, "getAvailabilityZones has no stand-in"),
    ],
)
def test_what_is_wrong_is_said(program: Program, source: str, error: type[BaseException], words: str):
    with pytest.raises(error, match=words):
        run_in_process(program(source), "test")


def test_names_that_collide_are_refused(program: Program):
    source = 'aws.sqs.Queue("one", name="q")\naws.sqs.Queue("two", name="q")'
    with pytest.raises(StepError, match=r"would be named 'q', as .* is"):
        run_in_process(program(source), "test")


def test_nothing_is_left_behind(program: Program):
    root = program('import helper\npulumi.export("n", helper.N)')
    (root / "helper.py").write_text("N = 1")
    directory, path = Path.cwd(), list(sys.path)
    assert run_in_process(root, "test").outputs == {"n": 1}
    assert "helper" not in sys.modules
    assert (Path.cwd(), sys.path) == (directory, path)
    (root / "helper.py").write_text("N = 22")
    assert run_in_process(root, "test").outputs == {"n": 22}
    assert pulumi.runtime.settings.get_root_resource() is None
    with pytest.raises(RuntimeError, match="no current event loop"):
        asyncio.get_event_loop_policy().get_event_loop()


def test_a_module_of_the_same_name_from_elsewhere_is_put_aside(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "helper.py").write_text("N = 'elsewhere'")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    import helper  # pyright: ignore[reportMissingImports]

    root = program('import helper\npulumi.export("n", helper.N)')
    (root / "helper.py").write_text("N = 'here'")
    assert run_in_process(root, "test").outputs == {"n": "here"}
    assert sys.modules["helper"] is helper
    del sys.modules["helper"]


def test_runs_in_threads(program: Program):
    root, found = program(CHAIN), []
    threads = [
        threading.Thread(target=lambda: found.append(run_in_process(root, "test").outputs)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(outputs == found[0] for outputs in found)


def test_a_state_that_is_not_ours_is_refused(tmp_path: Path):
    file = tmp_path / "s.json"
    file.write_text("{")
    with pytest.raises(StateError, match="not JSON"):
        State(file)
    file.write_text(json.dumps({"version": 7, "resources": [], "doomed": []}))
    with pytest.raises(StateError, match="version 7"):
        State(file)


def test_an_unknown_stack_names_those_there_are(program: Program):
    with pytest.raises(ConfigError, match="the project has the stacks test"):
        run_in_process(program(""), "nowhere")


def test_refresh_of_recordings_finds_nothing(program: Program):
    state, root = State(), program(CHAIN)
    run_in_process(root, "test", state=state)
    steps = refresh_in_process(state, Recorder(), settings(root))
    assert {step.op for step in steps} == {"same"}
    assert run_in_process(root, "test", state=state).changes == {"same": 5}
