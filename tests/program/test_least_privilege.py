"""What each role and each key's policy allows, and that nothing allows more.

Actions are held against the services' own models, as botocore has them; what IAM names otherwise than the
API is listed by hand from AWS's service authorization reference.
"""

import re
from functools import cache
from typing import Any

import botocore.session
import pytest

from components.aws.notification import listener_statements
from tests.program.graph import ACCOUNT_WIDE, Graph, by_sid, listed, statements

# Actions that are no operation of the API.
IAM_ONLY = {
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLSelect",
    "dynamodb:PartiQLUpdate",
    "execute-api:Invoke",
    "lambda:InvokeFunction",
    "s3:BypassGovernanceRetention",
    "s3:DeleteObjectVersion",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
}
USES_OF_A_KEY = re.compile(r"kms:(\*|Encrypt|Decrypt|ReEncrypt|GenerateDataKey|GenerateMac|Sign|CreateGrant)")
DELIVERY_READS = {
    "kinesis:DescribeStream",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
}


@cache
def operations(service: str) -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_service_model(service).operation_names)


def exists(action: str) -> bool:
    service, _, name = action.partition(":")
    if action in IAM_ONLY or name == "*":
        return True
    if name.endswith("*"):
        return any(known.startswith(name[:-1]) for known in operations(service))
    return name in operations(service)


def test_every_action_exists(graph: Graph) -> None:
    for where, found in graph.documents():
        for statement in found:
            for action in listed(statement["Action"]):
                assert exists(action), (where, action)


def test_no_role_may_do_anything_to_everything(graph: Graph) -> None:
    everywhere = set[str]()
    for name, statement in graph.role_policies():
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"]), name
        if ACCOUNT_WIDE in listed(statement["Resource"]):
            everywhere |= set(statement["Action"])
    # Traces belong to no resource.
    assert everywhere == {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def test_every_role_is_for_one_service_and_no_policy_is_public(graph: Graph) -> None:
    services = {
        "transform": "lambda",
        "token-key": "lambda",
        "reid": "lambda",
        "delivery": "firehose",
        "audit": "cloudtrail",
    }
    for role in graph.of("Role"):
        (trust,) = statements(role.inputs["assumeRolePolicy"])
        kind = next((kind for kind in services if role.name.endswith(kind)), None)
        if kind:
            assert trust["Principal"] == {"Service": f"{services[kind]}.amazonaws.com"}
        else:
            assert role.name.endswith("-warehouse-reader")
            assert set(trust["Condition"]["StringEquals"]) == {"sts:ExternalId"}
    for where, found in graph.documents():
        for statement in found:
            if statement["Effect"] == "Allow":
                assert "*" not in (statement.get("Principal"), *listed_principals(statement)), where


def listed_principals(statement: dict[str, Any]) -> list[str]:
    principal = statement.get("Principal", {})
    return [one for value in principal.values() for one in listed(value)] if principal else []


# --- keys -----------------------------------------------------------------------------------------------


def test_with_the_pii_key_transforms_encrypt_and_nobody_else_uses_it_but_reid(graph: Graph) -> None:
    key = graph.named("Key", "-pii")
    uses = []
    for statement in statements(key.inputs["policy"]):
        if statement["Sid"] == "Reidentification":
            continue
        actions = [action for action in statement["Action"] if USES_OF_A_KEY.match(action)]
        assert actions in ([], ["kms:Encrypt"])
        if actions:
            assert actions == statement["Action"]
            condition = statement["Condition"]
            source = condition["StringEquals"]["kms:EncryptionContext:source"]
            role = graph.named("Role", f"-{source}-transform").outputs["arn"]
            assert condition["ArnEquals"] == {"aws:PrincipalArn": role}
            assert condition["StringEquals"]["kms:EncryptionContext:purpose"] == ["field", "quarantine"]
            uses.append(source)
    assert sorted(uses) == graph.sources
    granted = [
        (name, statement["Action"])
        for name, statement in graph.role_policies()
        if key.outputs["arn"] in listed(statement["Resource"])
    ]
    assert sorted(granted) == [
        *((f"{graph.base}-{source}-transform", ["kms:Encrypt"]) for source in graph.sources),
        (f"{graph.base}-reid", ["kms:Decrypt"]),
    ]


def test_reid_alone_decrypts_single_values_and_nothing_else(graph: Graph) -> None:
    """The key's policy and the role's say the same: these sources, this purpose, and no other context."""
    key, role = graph.named("Key", "-pii"), graph.named("Role", "-reid")
    by_key = by_sid(statements(key.inputs["policy"]))["Reidentification"]
    by_role = by_sid(graph.role_policy("-reid"))["UnwrapDataKeys"]
    assert by_key["Action"] == by_role["Action"] == ["kms:Decrypt"]
    assert by_role["Resource"] == key.outputs["arn"]
    assert by_key["Condition"].pop("ArnEquals") == {"aws:PrincipalArn": role.outputs["arn"]}
    assert by_key["Condition"] == by_role["Condition"]
    assert by_role["Condition"] == {
        "StringEquals": {
            "kms:EncryptionContext:source": graph.sources,
            "kms:EncryptionContext:purpose": "field",
        },
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["source", "purpose"]},
    }


def test_reid_may_do_what_it_is_for(graph: Graph) -> None:
    found = by_sid(graph.role_policy("-reid"))
    assert set(found) == {
        *("KeepRequests", "AddToJournal", "UnwrapDataKeys", "ReadSecrets", "OwnData", "Log", "Trace"),
        "Forget",
    }
    assert found["Forget"]["Resource"] == graph.named("dynamodb/table:Table", "-subjects").outputs["arn"]
    assert set(found["Forget"]["Action"]) == {"dynamodb:BatchGetItem", "dynamodb:DeleteItem"}
    requests, journal = (
        graph.named("dynamodb/table:Table", f"-reid-{end}") for end in ("requests", "journal")
    )
    assert found["AddToJournal"]["Resource"] == journal.outputs["arn"]
    assert set(found["AddToJournal"]["Action"]) == {"dynamodb:PutItem", "dynamodb:Query"}
    assert found["KeepRequests"]["Resource"] == requests.outputs["arn"]
    assert set(found["KeepRequests"]["Action"]) == {
        *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
    }
    secrets = {one.outputs["arn"] for one in graph.of("Secret")}
    assert set(found["ReadSecrets"]["Resource"]) == secrets
    through = found["OwnData"]["Condition"]["StringEquals"]["kms:ViaService"]
    assert {host.partition(".")[0] for host in through} == {"dynamodb", "secretsmanager"}


def test_nobody_changes_the_journal_and_reid_alone_adds_to_it(graph: Graph) -> None:
    policy = graph.named("dynamodb/resourcePolicy:ResourcePolicy", "-reid-journal")
    found = by_sid(statements(policy.inputs["policy"]))
    assert {one["Effect"] for one in found.values()} == {"Deny"}
    assert "Condition" not in found["NobodyChanges"]
    changes = {"dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}
    assert changes < set(found["NobodyChanges"]["Action"])
    role = graph.named("Role", "-reid").outputs["arn"]
    assert found["OnlyTheFunctionAdds"]["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": role}}


def test_the_subjects_table_is_for_who_adds_and_who_erases(graph: Graph) -> None:
    """GIVEN the table's own policy THEN whatever IAM says, nobody does more than these."""
    policy = graph.named("dynamodb/resourcePolicy:ResourcePolicy", "-subjects")
    found = by_sid(statements(policy.inputs["policy"]))
    assert {one["Effect"] for one in found.values()} == {"Deny"}
    assert {one["Principal"] for one in found.values()} == {"*"}
    assert "Condition" not in found["Nobody"]
    wholesale = {"Scan", "Query", "PartiQLSelect", "ExportTableToPointInTime", "UpdateItem", "BatchWriteItem"}
    assert {f"dynamodb:{name}" for name in wholesale} < set(found["Nobody"]["Action"])
    transforms = {graph.named("Role", f"-{source}-transform").outputs["arn"] for source in graph.sources}
    reid = graph.named("Role", "-reid").outputs["arn"]
    for sid, actions, roles in (
        ("OnlyTheseRead", {"BatchGetItem", "GetItem"}, {*transforms, reid}),
        ("OnlyTransformsAdd", {"PutItem"}, transforms),
        ("OnlyReidErases", {"DeleteItem"}, {reid}),
    ):
        assert set(listed(found[sid]["Action"])) == {f"dynamodb:{action}" for action in actions}
        ((test, names),) = found[sid]["Condition"].items()
        assert test == "ArnNotEquals"
        assert set(listed(names["aws:PrincipalArn"])) == roles


def test_the_interface_is_for_the_roles_of_the_settings_signed(graph: Graph) -> None:
    found = by_sid(statements(graph.of("RestApiPolicy")[0].inputs["policy"]))
    people = [
        f"arn:aws:iam::123456789012:role/{path}{role}"
        for role in ("marketing-ops", "privacy-officer")
        for path in ("", "*/")
    ]
    assert found["People"]["Condition"] == {"ArnLike": {"aws:PrincipalArn": people}}
    assert found["NobodyElse"]["Effect"] == "Deny"
    assert found["NobodyElse"]["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": people}}
    assert [one.inputs["authorization"] for one in graph.of("apigateway/method:Method")] == ["AWS_IAM"]
    permission = graph.named("Permission", "-reid").inputs
    assert permission["principal"] == "apigateway.amazonaws.com"
    assert permission["sourceArn"].endswith("/v1/*/reid/*")
    assert permission["sourceAccount"]


def test_who_administers_a_key_may_not_use_it(graph: Graph) -> None:
    for key in graph.of("Key"):
        administration = by_sid(statements(key.inputs["policy"]))["Administration"]
        assert not [action for action in administration["Action"] if USES_OF_A_KEY.match(action)]
        assert {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DescribeKey"} <= set(
            administration["Action"]
        )
        for statement in statements(key.inputs["policy"]):
            assert not [action for action in statement["Action"] if action == "kms:*"]


def test_of_the_landing_key_snowflake_decrypts_and_writers_encrypt_through_s3_only(graph: Graph) -> None:
    found = by_sid(statements(graph.named("Key", "-landing").inputs["policy"]))
    assert set(found) == {"Administration", "Delivery", "Oversize", "Warehouse"}

    def roles(kind: str) -> list[str]:
        return [
            one.outputs["arn"]
            for one in sorted(graph.of("Role"), key=lambda r: r.name)
            if one.name.endswith(kind)
        ]

    for sid, kind, actions in (
        ("Delivery", "-delivery", ["kms:Decrypt", "kms:GenerateDataKey"]),
        ("Oversize", "-transform", ["kms:GenerateDataKey"]),
        ("Warehouse", "-warehouse-reader", ["kms:Decrypt"]),
    ):
        assert found[sid]["Action"] == actions
        condition = found[sid]["Condition"]
        assert condition["ArnEquals"]["aws:PrincipalArn"] == roles(kind)
        assert condition["StringEquals"]["kms:ViaService"] == ["s3.eu-central-1.amazonaws.com"]


def test_what_is_on_a_stream_is_decrypted_by_its_readers_only(graph: Graph) -> None:
    for statement in statements(graph.named("Key", "-operations").inputs["policy"]):
        condition = statement.get("Condition", {})
        through = listed(condition.get("StringEquals", {}).get("kms:ViaService", []))
        if "kms:Decrypt" in statement["Action"] and "kinesis.eu-central-1.amazonaws.com" in through:
            allowed = set(condition["ArnEquals"]["aws:PrincipalArn"])
            kinds = ("-transform", "-delivery")
            assert allowed == {one.outputs["arn"] for one in graph.of("Role") if one.name.endswith(kinds)}
            break
    else:
        pytest.fail("nobody may read streams")


# --- roles ----------------------------------------------------------------------------------------------


def test_a_transform_may_do_what_it_is_for(graph: Graph) -> None:
    for source in graph.sources:
        found = by_sid(graph.role_policy(f"-{source}-transform"))
        assert set(found) == {
            *("ReadIngress", "WriteProtected", "WrapDataKeys", "ReadTokenKey", "InMotion"),
            *("PutOversize", "EncryptOversize", "TellExpired", "Log", "Trace", "EnsureSubjects"),
        }
        subjects = graph.named("dynamodb/table:Table", "-subjects").outputs["arn"]
        assert found["EnsureSubjects"]["Resource"] == subjects
        assert set(found["EnsureSubjects"]["Action"]) == {"dynamodb:BatchGetItem", "dynamodb:PutItem"}
        bucket = graph.named("Bucket", "-landing").outputs["arn"]
        assert found["PutOversize"]["Resource"] == f"{bucket}/oversize/*"
        assert found["PutOversize"]["Action"] == ["s3:PutObject"]
        assert found["ReadTokenKey"]["Resource"] == graph.named("Secret", "-token-key").outputs["arn"]
        assert found["WriteProtected"]["Action"] == ["kinesis:PutRecords"]
        context = found["WrapDataKeys"]["Condition"]["StringEquals"]
        assert context["kms:EncryptionContext:source"] == source
        through = found["InMotion"]["Condition"]["StringEquals"]["kms:ViaService"]
        assert {host.partition(".")[0] for host in through} == {
            *("dynamodb", "kinesis", "secretsmanager", "sqs"),
        }
        decrypts = [one for one in found.values() if "kms:Decrypt" in one["Action"]]
        assert [one["Resource"] for one in decrypts] == [graph.named("Key", "-operations").outputs["arn"]]


def test_a_delivery_reads_its_stream_and_writes_below_its_prefixes(graph: Graph) -> None:
    bucket = graph.named("Bucket", "-landing").outputs["arn"]
    for source in graph.sources:
        found = by_sid(graph.role_policy(f"-{source}-delivery"))
        assert set(found["ReadProtected"]["Action"]) == DELIVERY_READS
        assert (
            found["ReadProtected"]["Resource"] == graph.named("Stream", f"-{source}-protected").outputs["arn"]
        )
        assert found["Objects"]["Resource"] == [
            f"{bucket}/landing/source={source}/*",
            f"{bucket}/errors/source={source}/*",
        ]
        assert "s3:GetObject" not in {action for one in found.values() for action in one["Action"]}


def test_snowflake_reads_what_landed_and_nothing_else(graph: Graph) -> None:
    bucket = graph.named("Bucket", "-landing").outputs["arn"]
    found = by_sid(graph.role_policy("-warehouse-reader"))
    assert {action for one in found.values() for action in one["Action"]} == {
        *("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation", "kms:Decrypt"),
    }
    assert found["ReadObjects"]["Resource"] == f"{bucket}/landing/*"
    assert found["ListObjects"]["Condition"] == {"StringLike": {"s3:prefix": ["landing/*"]}}
    assert found["DecryptObjects"]["Resource"] == graph.named("Key", "-landing").outputs["arn"]


def test_the_token_key_s_function_touches_its_secret_only(graph: Graph) -> None:
    found = by_sid(graph.role_policy("-token-key"))
    secret = graph.named("Secret", "-token-key").outputs["arn"]
    assert found["Secret"]["Resource"] == secret
    permission = graph.named("Permission", "-token-key").inputs
    assert permission["principal"] == "secretsmanager.amazonaws.com"
    assert permission["sourceArn"] == secret
    assert permission["sourceAccount"]


def test_keys_rotate_and_stay_in_their_region(graph: Graph) -> None:
    keys = graph.of("Key")
    assert {"pii", "landing", "operations"} <= {key.name.rpartition("-")[2] for key in keys}
    for key in keys:
        assert key.inputs["enableKeyRotation"] is True
        assert not key.inputs.get("multiRegion")


def test_the_versions_of_the_token_keys_are_those_of_the_settings(graph: Graph) -> None:
    variables = graph.named("Function", "-token-key").inputs["environment"]["variables"]
    assert variables["TOKEN_VERSION"] == "1"


# --- the bucket -----------------------------------------------------------------------------------------


def test_the_bucket_refuses_what_must_not_be(graph: Graph) -> None:
    found = by_sid(statements(graph.named("BucketPolicy", "-landing").inputs["policy"]))
    assert all((one["Effect"], one["Principal"]) == ("Deny", "*") for one in found.values())
    assert found["OnlyTls"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert found["OnlyKms"]["Condition"]["StringNotEquals"] == {"s3:x-amz-server-side-encryption": "aws:kms"}
    # A header that is not there is no fault: the bucket's default is what is wanted.
    assert found["OnlyKms"]["Condition"]["Null"] == {"s3:x-amz-server-side-encryption": "false"}
    deliveries = {one.outputs["arn"] for one in graph.of("Role") if one.name.endswith("-delivery")}
    assert set(found["OnlyDelivery"]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]) == deliveries
    may_be_emptied = graph.named("Bucket", "-landing").inputs["forceDestroy"]
    assert ("NobodyDeletes" in found) is not may_be_emptied


def test_production_denies_deletion(prod: Graph) -> None:
    found = by_sid(statements(prod.named("BucketPolicy", "-landing").inputs["policy"]))
    assert set(found["NobodyDeletes"]["Action"]) == {
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:BypassGovernanceRetention",
    }
    assert "Condition" not in found["NobodyDeletes"]


# --- what Snowflake asks of the topic -------------------------------------------------------------------


@pytest.mark.parametrize("action", ['"sns:*"', '["sns:Subscribe", "sns:Publish"]', '"sns:Publish"'])
def test_a_listener_gets_no_more_than_to_subscribe(action: str) -> None:
    asked = f'{{"Statement": [{{"Effect": "Allow", "Action": {action}, "Resource": "*"}}]}}'
    with pytest.raises(ValueError, match="more than sns:Subscribe"):
        listener_statements(asked)
