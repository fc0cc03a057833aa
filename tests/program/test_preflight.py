"""The pre-flight says everything that a clone misses or must not share, at once, from the files alone."""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

import settings
import settings_check
import settings_places
import settings_quotas
import settings_stacks
from settings_stacks import StackFileError
from tests.program.conftest import ROOT

Write = Callable[..., Path]
STACKS = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))
# Made by the engine itself: `pulumi config set --secret word open-sesame`.
ENCRYPTED, PASSPHRASE = ROOT / "tests/standin/encrypted.yaml", "correct horse"
EUROPE, ASIA = "eu-central-1", "ap-southeast-2"


@pytest.fixture
def stacks(tmp_path: Path) -> Write:
    """Writes stacks beside `prod`, each as a copy of it with some keys changed; None takes a key away."""
    (tmp_path / "Pulumi.yaml").write_text("name: retaillake\n")

    def write(prod: dict[str, Any] | None = None, **clones: dict[str, Any]) -> Path:
        document = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"] | (prod or {})
        for name, changes in {"prod": {}, **clones}.items():
            config = {key: value for key, value in (document | changes).items() if value is not None}
            top = {key: config.pop(key) for key in [*config] if key.startswith("encryption")}
            file = tmp_path / f"Pulumi.{name.replace('_', '-')}.yaml"
            file.write_text(yaml.safe_dump({"config": config, **top}))
        return tmp_path

    return write


def moved(place: str, **more: Any) -> dict[str, Any]:
    """What must be changed in a clone, and is enough."""
    return {"aws:region": place, "retaillake:residency": {"regions": [place]}, **more}


def faults(root: Path, stack: str, *against: str) -> list[tuple[str, str]]:
    report = settings_check.check(root, stack, against or None)
    return [(fault.key, fault.expected) for fault in report.faults]


def keys(root: Path, stack: str, *against: str) -> list[str]:
    return [key for key, _ in faults(root, stack, *against)]


@pytest.mark.parametrize("stack", STACKS)
def test_every_shipped_stack_passes(stack: str) -> None:
    assert settings_check.check(ROOT, stack).faults == ()


def test_a_clone_with_its_few_settings_passes(stacks: Write) -> None:
    root = stacks(prod_ap=moved(ASIA), prod_eu=moved("eu-west-1"))
    for stack in ("prod", "prod-ap", "prod-eu"):
        assert faults(root, stack) == []


def test_everything_is_said_at_once(stacks: Write) -> None:
    certificate = f"arn:aws:acm:{EUROPE}:123456789012:certificate/1"
    root = stacks(
        prod={
            "aws:region": "eu-west-1",
            "retaillake:residency": {"regions": ["eu-west-1"]},
            "retaillake:streams": {},
            "retaillake:keys": {"administrators": ["arn:aws:iam::123456789012:role/deploy"]},
            "retaillake:snowflake": {
                "database": "RETAIL",
                "region": "eu-west-1",
                "edition": "business-critical",
            },
            "retaillake:tags": {"host": "lake.shop.example", "network": "10.1.0.0/16", "where": "EU"},
            "aws:certificate": certificate,
            "snowflake:organizationName": "SHOP",
            "snowflake:accountName": "EUROPE",
            "snowflake:password": {"secure": "v1:AAAA:BBBB"},
        },
        prod_ap={
            "retaillake:ownr": "nobody",
            "retaillake:environment": "prod",
            "retaillake:residency": None,
            "retaillake:snowflake": {"database": "RETAIL", "edition": "enterprise"},
            "retaillake:tags": {"host": "LAKE.shop.example", "network": "10.1.128.0/20", "where": "EU"},
            "retaillake:delivery": {"bufferMb": 500},
            "aws:logs": "arn:aws:s3:::logs-eu-west-1",
            "aws:topic": "arn:aws:sns:eu-west-1:999999999999:alarms",
            "snowflake:previewFeaturesEnabled": ["snowflake_table_resource"],
        },
    )
    assert faults(root, "prod-ap") == [
        ("aws:certificate", "expected an ARN in eu-west-1, got one in eu-central-1"),
        ("aws:certificate", f"expected an ARN of its own, got {certificate}, which prod has"),
        ("aws:region", "expected a region of its own, got that of prod: eu-west-1"),
        ("aws:region", "expected one in ap: the stack's name says so, got eu-west-1"),
        ("aws:topic", "expected an ARN of account 123456789012"),
        ("delivery.bufferMb", "expected a whole number from 1 to 128, got 500"),
        ("ownr", 'no such key; did you mean "owner"?'),
        ("residency.regions", "missing; expected the regions in which the stack may hold personal data"),
        ("snowflake.database", "expected a name of its own, got that of prod: RETAIL"),
        ("snowflake.edition", "expected business-critical, as prod has, got enterprise"),
        ("snowflake.region", "missing; expected the region of its account, as prod says"),
        (
            "snowflake.rolePrefix",
            "expected one of its own, got that of prod: RETAIL_; roles, warehouses and integrations would be "
            "the same",
        ),
        (
            "snowflake:accountName",
            "expected an account in None, got SHOP.EUROPE, which prod says is in eu-west-1",
        ),
        (
            "snowflake:password",
            "expected a secret of its own, got that of prod; set it with `pulumi config set --secret`",
        ),
        (
            "snowflake:previewFeaturesEnabled",
            "missing snowflake_pipe_resource, snowflake_system_get_aws_sns_iam_policy_datasource; expected every "
            "preview feature that the stack uses",
        ),
        ("tags.host", "expected a domain name of its own, got LAKE.shop.example, which prod has"),
        ("tags.network", "expected a network apart from 10.1.0.0/16, got 10.1.128.0/20, which prod has"),
    ]


def test_of_an_address_only_the_host_is_told(stacks: Write) -> None:
    hook = {"aws:hook": "https://chat.shop.example/hooks/T0PS3CRET?key=hunter2"}
    assert faults(stacks(prod=hook, prod_ap=moved(ASIA)), "prod-ap") == [
        ("aws:hook", "expected a domain name of its own, got chat.shop.example, which prod has")
    ]


def test_an_origin_is_not_blamed_for_its_clones(stacks: Write) -> None:
    root = stacks(prod={"aws:bucket": "s3://archive"}, prod_ap={})
    assert keys(root, "prod") == []
    assert keys(root, "prod", "prod-ap") == ["aws:bucket"]


def test_what_is_missed_after_the_region_was_set(stacks: Write) -> None:
    tags = {"where": "EU", "bucket": "x-eu-central-1-y"}
    root = stacks(prod={"retaillake:tags": tags}, prod_ap={"aws:region": ASIA})
    assert faults(root, "prod-ap") == [
        ("aws:region", f"expected one of {EUROPE}: residency.regions allows no other, got {ASIA}"),
        ("tags.where", f"expected the area of {ASIA}, got EU"),
    ]


@pytest.mark.parametrize(
    ("prod", "clone", "key"),
    [
        # residency and the warehouse's region
        ({}, {"retaillake:snowflake": {"region": EUROPE}}, "snowflake.region"),
        ({}, {"retaillake:residency": {"regions": ["Sydney"]}}, "residency.regions[0]"),
        ({}, {"retaillake:residency": {"regions": []}}, "residency.regions"),
        # quotas: Sydney gives a stream 200 MB/s, an account 1,000 shards and 1,000 functions
        ({}, {"retaillake:streams": {"peakMbPerSecond": 201}, "retaillake:transform": {"batchesPerShard": 1}}, "streams.peakMbPerSecond"),
        ({}, {"retaillake:streams": {"mode": "provisioned", "shards": 251}, "retaillake:transform": {"batchesPerShard": 1}}, "streams.shards"),
        ({}, {"retaillake:streams": {"mode": "provisioned", "shards": 2, "peakMbPerSecond": 3}}, "streams.peakMbPerSecond"),
        ({}, {"retaillake:streams": {"peakMbPerSecond": 51}}, "transform.batchesPerShard"),
        ({}, {"retaillake:quotas": {"concurrentFunctions": 8000}, "retaillake:streams": {"peakMbPerSecond": 170}}, "transform.batchesPerShard"),
        # what points elsewhere
        ({}, {"aws:stream": f"arn:aws:kinesis:{EUROPE}:123456789012:stream/x"}, "aws:stream"),
        ({}, {"aws:endpoint": f"https://kinesis.{EUROPE}.amazonaws.com"}, "aws:endpoint"),
        ({"aws:allowedAccountIds": ["111111111111"]}, {"aws:role": "arn:aws:iam::222222222222:role/x"}, "aws:role"),
        # what is shared
        ({"aws:bucket": "s3://archive/a"}, {"aws:bucket": "s3://archive/b"}, "aws:bucket"),
        ({"aws:peer": "2001:db8::/32"}, {"aws:peer": "2001:db8:1::/48"}, "aws:peer"),
        ({"snowflake:token": {"secure": "v1:A:B"}}, {"snowflake:token": "plain"}, "snowflake:token"),
    ],
)  # fmt: skip
def test_each_fault_alone(prod: dict[str, Any], clone: dict[str, Any], key: str, stacks: Write) -> None:
    root = stacks(prod=prod, prod_ap=moved(ASIA, **clone))
    assert set(keys(root, "prod-ap")) == {key}


@pytest.mark.parametrize(
    "value",
    [
        "10.2.0.0/16",
        "jane@shop.example",
        "data-platform",
        "kinesis.amazonaws.com",
        "arn:aws:iam::1:role/x",
        "1.2.3",
    ],
)
def test_what_may_be_shared_is_not_reported(value: str, stacks: Write) -> None:
    there = "10.3.0.0/16" if "/16" in value else value
    assert keys(stacks(prod={"aws:some": value}, prod_ap=moved(ASIA, **{"aws:some": there})), "prod-ap") == []


def test_a_key_that_is_shared_on_purpose_is_named(stacks: Write) -> None:
    office = {"aws:offices": ["10.0.0.0/8"]}
    assert keys(stacks(prod=office, prod_ap=moved(ASIA)), "prod-ap") == ["aws:offices[0]"]
    named = moved(ASIA, **{"retaillake:shared": ["aws:offices"]})
    assert keys(stacks(prod=office, prod_ap=named), "prod-ap") == []


def test_a_region_with_less_asks_what_is_needed(stacks: Write) -> None:
    ireland = moved("eu-west-1", **{"retaillake:streams": {}})
    root = stacks(prod=ireland, prod_ap=moved(ASIA), prod_us=moved("us-east-1"))
    assert faults(root, "prod-ap") == [
        (
            "streams.peakMbPerSecond",
            f"missing; expected what a source sends at its busiest: a stream takes 200 MB/s in {ASIA}, where prod "
            "may have 10000",
        )
    ]
    assert faults(root, "prod-us") == []
    raised = moved(ASIA, **{"retaillake:quotas": {"onDemandMbPerSecond": 10000}})
    assert faults(stacks(prod=ireland, prod_ap=raised), "prod-ap") == []


def test_raised_quotas_count(stacks: Write) -> None:
    asked = {"retaillake:streams": {"peakMbPerSecond": 400}, "retaillake:transform": {"batchesPerShard": 5}}
    root = stacks(prod_ap=moved(ASIA, **asked))
    assert keys(root, "prod-ap") == [
        "streams.peakMbPerSecond",
        "transform.batchesPerShard",
        "transform.batchesPerShard",
    ]
    raised = {"onDemandMbPerSecond": 400, "concurrentFunctions": 4010, "kmsPerSecond": 13000}
    assert keys(stacks(prod_ap=moved(ASIA, **asked, **{"retaillake:quotas": raised})), "prod-ap") == []


def test_the_large_regions_have_the_large_quotas() -> None:
    none = settings.Quotas()
    for place in ("us-east-1", "us-west-2", "eu-west-1"):
        found = settings_quotas.limits(place, none)
        assert (found.on_demand_mb_per_second, found.shards, found.kms_per_second) == (
            10_000,
            20_000,
            100_000,
        )
    found = settings_quotas.limits(EUROPE, none)
    assert (found.on_demand_mb_per_second, found.shards, found.kms_per_second) == (200, 1_000, 10_000)


# --- secrets ----------------------------------------------------------------------------------------------


def sealed() -> tuple[str, str]:
    document = yaml.safe_load(ENCRYPTED.read_text())
    return document["encryptionsalt"], next(iter(document["config"].values()))["secure"]


def test_a_copied_file_shares_its_salt_and_secrets(stacks: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    salt, word = sealed()
    copied = {"encryptionsalt": salt, "snowflake:token": {"secure": word}}
    root = stacks(prod=copied, prod_ap=moved(ASIA))
    found = dict(faults(root, "prod-ap"))
    assert set(found) == {"encryptionsalt", "snowflake:token"}
    assert "pulumi stack init prod-ap --copy-config-from prod" in found["encryptionsalt"]


def test_a_secret_that_was_encrypted_anew_is_still_the_same(
    stacks: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine encrypts copied secrets with the clone's own key: only who opens both can tell."""
    salt, word = sealed()
    origin, own = {"encryptionsalt": salt, "snowflake:token": {"secure": word}}, own_salt()
    key = settings_stacks.secret_key(own, PASSPHRASE)

    def clone(value: str) -> Path:
        secure = {"secure": encrypted(value, key)}
        return stacks(prod=origin, prod_ap=moved(ASIA, **{"snowflake:token": secure, "encryptionsalt": own}))

    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    ((place, expected),) = faults(clone("open-sesame"), "prod-ap")
    assert place == "snowflake:token"
    assert expected.startswith("cannot tell it from that of prod; expected PULUMI_CONFIG_PASSPHRASE")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    ((_, expected),) = faults(clone("open-sesame"), "prod-ap")
    assert expected.startswith("expected a secret of its own, got that of prod")
    assert faults(clone("another"), "prod-ap") == []


def own_salt() -> str:
    """What the engine writes into a new stack's file."""
    word = b"8 bytes!"
    key = hashlib.pbkdf2_hmac("sha256", PASSPHRASE.encode(), word, 1_000_000, 32)
    return f"v1:{base64.b64encode(word).decode()}:{encrypted('pulumi', key)}"


def encrypted(value: str, key: bytes) -> str:
    nonce = b"0" * 12
    body = AESGCM(key).encrypt(nonce, value.encode(), None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(body).decode()}"


# --- what `pulumi up` stops at, too -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stack", "said"),
    [
        ("prod", None),
        ("prod-eu", "eu"),
        ("prod_ap", "ap"),
        ("prod-eu-west-1", "eu-west-1"),
        ("prod-ap-southeast-2-blue", "ap-southeast-2"),
        ("prod-us-gov-west-1", "us-gov-west-1"),
        ("prod-eu-us", None),
        ("europe", None),
    ],
)
def test_what_a_name_says(stack: str, said: str | None) -> None:
    assert settings_places.spoken(stack) == said


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        [
            "eu-west-1",
            "10.0.0.0/8",
            "arn:aws:sns:::x",
            "https://a.example/",
            "s3://bucket",
            {"secure": "v1:A:B"},
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["aws:region", "aws:x", "snowflake:previewFeaturesEnabled", "aws:allowedAccountIds"]
    + [
        f"retaillake:{name}"
        for name in ("environment", "residency", "quotas", "streams", "snowflake", "tags", "shared")
    ]
)


@hypothesis.settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, JSON, max_size=6), st.dictionaries(KEYS, JSON, max_size=6))
def test_junk_is_a_fault_and_nothing_else(prod: dict[str, Any], clone: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as where:
        root = Path(where)
        (root / "Pulumi.yaml").write_text("name: retaillake\n")
        for name, config in {"prod": prod, "prod-ap": clone}.items():
            (root / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
        found = faults(root, "prod-ap")
    assert found
    assert all(key and expected for key, expected in found)


# --- the command ------------------------------------------------------------------------------------------


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "settings", "--project", str(root), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_says_all_and_fails(stacks: Write) -> None:
    root = stacks(prod_ap={"retaillake:residency": None})
    table = run(root, "check", "--stack", "prod-ap", "--against", "prod")
    assert table.returncode == 1
    assert table.stdout.splitlines() == [
        "prod-ap beside prod: 3 fault(s)",
        f"  aws:region         expected a region of its own, got that of prod: {EUROPE}",
        f"  aws:region         expected one in ap: the stack's name says so, got {EUROPE}",
        "  residency.regions  missing; expected the regions in which the stack may hold personal data",
    ]
    found = run(root, "check", "--stack", "prod-ap", "--format", "json")
    assert found.returncode == 1
    assert [fault["key"] for fault in json.loads(found.stdout)["faults"]] == keys(root, "prod-ap")
    assert run(root, "check", "--stack", "prod").returncode == 0


def test_a_stack_that_is_not_there_is_another_fault(stacks: Write) -> None:
    root = stacks()
    done = run(root, "check", "--stack", "prod-mars")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no Pulumi.prod-mars.yaml" in done.stderr
    (root / "Pulumi.bad.yaml").write_text("a: [")
    with pytest.raises(StackFileError, match=r"Pulumi\.bad\.yaml is not YAML"):
        settings_check.check(root, "prod")


def test_stacks_are_listed_canary_first(stacks: Write) -> None:
    root = stacks(prod_ap=moved(ASIA), prod_eu=moved("eu-west-1"))
    assert json.loads(run(root, "stacks").stdout) == ["prod", "prod-ap", "prod-eu"]
    assert json.loads(run(root, "stacks", "--first", "prod-eu").stdout) == ["prod-eu", "prod", "prod-ap"]
    assert run(root, "stacks", "--first", "dev").returncode == 2
