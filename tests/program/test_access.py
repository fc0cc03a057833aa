"""Who gets into the warehouse: services by key pairs, people by the account's policies, each from named networks."""

import json
from typing import Any

import pytest
import yaml

import settings_places
from components.aws.package import Package
from components.snowflake.roles import ROLES, SERVICES
from local.standin import run_in_process
from settings_access import Services
from tests.program.conftest import ROOT
from tests.program.graph import Graph
from tests.program.test_settings import faults, parse

KEY = "MII" + "B" * 380
OTHER = "MII" + "C" * 380
SNOWFLAKE = "arn:aws:iam::123456789012:user/externalstages/abc"
HERE = ["203.0.113.0/24"]


def test_a_stack_without_services_has_no_users() -> None:
    assert [*parse().snowflake.services.used()] == []


def test_every_service_that_settings_know_has_a_role_and_compute() -> None:
    assert {spec.name for spec in SERVICES} == {*vars(Services())}
    assert {spec.role for spec in SERVICES} <= {role.name for role in ROLES}
    assert {spec.name: spec.warehouse for spec in SERVICES}["dbt"] == "transform"


@pytest.mark.parametrize(
    ("given", "key", "told"),
    [
        ({"services": {"tableau": {}}}, "snowflake.services.tableau.publicKey", "missing"),
        ({"services": {"excel": {}}}, "snowflake.services.excel", "no such key"),
        (
            {"services": {"tableau": {"publicKey": KEY}}},
            "snowflake.services.tableau.networks",
            "networks it comes from",
        ),
        (
            {"services": {"dbt": {"publicKey": f"-----BEGIN PUBLIC KEY----- {KEY}"}}, "networks": HERE},
            "snowflake.services.dbt.publicKey",
            "without the PEM",
        ),
        (
            {"services": {"dbt": {"publicKey": KEY}, "reid": {"publicKey": KEY}}, "networks": HERE},
            "snowflake.services.reid.publicKey",
            "a key of its own",
        ),
        (
            {"services": {"dbt": {"publicKey": KEY, "nextPublicKey": KEY}}, "networks": HERE},
            "snowflake.services.dbt.publicKey",
            "a key of its own",
        ),
        ({"networks": ["0.0.0.0/0"]}, "snowflake.networks[0]", "/8 or smaller"),
        ({"networks": ["10.0.0.256"]}, "snowflake.networks[0]", "an address or a network"),
        ({"account": {"owned": True}}, "snowflake.networks", "networks that people come from"),
        (
            {"account": {"owned": True, "people": {"passwordLength": 8}}},
            "snowflake.account.people.passwordLength",
            "from 14",
        ),
        (
            {"account": {"owned": True, "triSecret": SNOWFLAKE}, "networks": HERE},
            "snowflake.account.triSecret",
            "only business-critical",
        ),
        (
            {"account": {"triSecret": SNOWFLAKE}, "edition": "business-critical"},
            "snowflake.account.triSecret",
            "the stack that owns it",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_key(given: dict[str, Any], key: str, told: str) -> None:
    assert told in faults(snowflake=given)[key]


def test_several_faults_are_said_at_once() -> None:
    given = {"networks": ["anywhere"], "services": {"dbt": {"publicKey": "secret"}, "looker": {}}}
    assert {key for key in faults(snowflake=given) if key.startswith("snowflake.")} == {
        "snowflake.networks[0]",
        "snowflake.services.dbt.publicKey",
        "snowflake.services.looker.publicKey",
    }


def test_each_service_has_a_key_one_role_and_its_networks(graph: Graph) -> None:
    roles = {spec.name.upper(): spec.role for spec in SERVICES}
    prefix = graph.of("StorageIntegrationAws")[0].inputs["name"].removesuffix("LANDING")
    networks = {one.inputs["name"]: one.inputs["allowedIpLists"] for one in graph.of("NetworkPolicy")}
    granted = {
        one.inputs["userName"]: one.inputs["roleName"]
        for one in graph.of("GrantAccountRole")
        if "userName" in one.inputs
    }
    users = graph.of("ServiceUser")
    assert users
    for user in users:
        name = user.inputs["name"]
        assert user.inputs["defaultRole"] == granted[name] == prefix + roles[name.removeprefix(prefix)]
        assert user.inputs["defaultSecondaryRolesOption"] == "NONE"
        assert user.inputs["rsaPublicKey"].startswith("MII")
        assert networks[user.inputs["networkPolicy"]]
        assert user.inputs["defaultWarehouse"]
    assert granted.keys() == {user.inputs["name"] for user in users}
    assert not [one for one in graph.custom if "password" in one.inputs]


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """`prod` as the stack that owns its account."""
    package = tmp_path_factory.mktemp("package") / "functions.zip"
    package.write_bytes(b"PK\x05\x06" + bytes(18))
    stack = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]
    asked = stack["retaillake:snowflake"] | {
        "edition": "business-critical",
        "account": {"owned": True, "triSecret": SNOWFLAKE, "people": {"idleMinutes": 30}},
    }
    listed = [*stack["snowflake:previewFeaturesEnabled"], *settings_places.ACCOUNT_FEATURES]
    config = {
        "retaillake:snowflake": json.dumps(asked),
        "snowflake:previewFeaturesEnabled": json.dumps(listed),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Package, "path", package)
        return Graph(run_in_process(ROOT, "prod", config=config))


def test_the_owner_of_the_account_says_how_people_log_in(owner: Graph) -> None:
    (passwords,), (sessions,) = owner.of("PasswordPolicy"), owner.of("SessionPolicy")
    assert passwords.inputs["minLength"] >= 14
    assert sessions.inputs["sessionIdleTimeoutMins"] == sessions.inputs["sessionUiIdleTimeoutMins"] == 30
    assert sessions.inputs["allowedSecondaryRoles"] == {"none": True}
    methods = {one.inputs["name"]: one.inputs for one in owner.of("AuthenticationPolicy")}
    assert methods["SERVICES"]["authenticationMethods"] == ["KEYPAIR"]
    assert methods["PEOPLE"]["mfaEnrollment"] == "REQUIRED"
    for kind in ("AccountPasswordPolicyAttachment", "AccountSessionPolicyAttachment"):
        assert len(owner.of(kind)) == 1
    attached = owner.of("AccountAuthenticationPolicyAttachment")
    assert [{*one.inputs} - {"authenticationPolicy"} for one in attached] == [
        {"forAllPersonUsers"},
        {"forAllServiceUsers"},
    ]
    (network,) = owner.of("NetworkPolicyAttachment")
    assert network.inputs["setForAccount"] is True


def test_the_key_of_the_account_is_used_by_snowflake_and_administered_by_us(owner: Graph) -> None:
    key = owner.named("Key", "-warehouse")
    by = {one["Sid"]: one for one in json.loads(key.inputs["policy"])["Statement"]}
    assert by["Snowflake"]["Principal"] == {"AWS": SNOWFLAKE}
    assert sorted(by["Snowflake"]["Action"]) == ["kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"]
    assert not {"kms:Decrypt", "kms:Encrypt", "kms:CreateGrant", "kms:*"} & {*by["Administration"]["Action"]}
    assert key.inputs["enableKeyRotation"] is True
    assert owner.run.outputs["triSecret"] == {
        "key": key.outputs["arn"],
        "register": f"SELECT SYSTEM$REGISTER_CMK_INFO('{key.outputs['arn']}')",
        "activate": "SELECT SYSTEM$ACTIVATE_CMK_INFO()",
    }


def test_without_being_asked_no_key_is_made(graph: Graph) -> None:
    assert not [one for one in graph.of("Key") if one.name.endswith("-warehouse")]
    assert "triSecret" not in graph.run.outputs


def test_who_does_not_own_the_account_leaves_it_alone(graph: Graph) -> None:
    assert not [one for one in graph.custom if one.type.endswith("PolicyAttachment")]
