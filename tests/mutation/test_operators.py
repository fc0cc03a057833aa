"""Each operator on a graph of a few resources: the mutants that it makes, and no others."""

import dataclasses
import json
from typing import Any

import pytest

from local.mutation import deletion, mutants, placing, properties, tagging
from local.mutation.aws import documents, flow, unset
from local.mutation.graph import Graph, deployable
from local.mutation.snowflake import warehouse
from local.standin.state import Resource
from local.standin.wire import secret
from tests.mutation.small import (
    ACCOUNT,
    REGION,
    after,
    document,
    key,
    named,
    resource,
    role_policy,
    stream,
    told,
)


def only(resource: Resource) -> Graph:
    return Graph([resource])


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (
            stream("s", key(), retentionPeriod=168),
            {
                ("encryptionType", "NONE"),
                ("encryptionType", "gone"),
                ("kmsKeyId", "gone"),
                ("kmsKeyId", "alias/aws/kinesis"),
                ("retentionPeriod", "168 lowered to 24"),
                ("retentionPeriod", "gone"),
            },
        ),
        (
            key(enableKeyRotation=True, deletionWindowInDays=30),
            {
                ("enableKeyRotation", "False"),
                ("enableKeyRotation", "gone"),
                ("deletionWindowInDays", "30 lowered to 7"),
            },
        ),
        (key(enableKeyRotation=False, deletionWindowInDays=7), {("enableKeyRotation", "gone")}),
        (
            resource("snowflake:index/schema:Schema", "s", {"name": "RAW", "withManagedAccess": "true"}),
            {("withManagedAccess", "false"), ("withManagedAccess", "gone")},
        ),
        (
            resource("snowflake:index/warehouse:Warehouse", "w", {"autoSuspend": 60, "resourceMonitor": "M"}),
            {("autoSuspend", "0"), ("autoSuspend", "gone"), ("resourceMonitor", "gone")},
        ),
        (
            resource(
                "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
                "b",
                {
                    "bucket": "b",
                    "rules": [
                        {
                            "applyServerSideEncryptionByDefault": {
                                "sseAlgorithm": "aws:kms",
                                "kmsMasterKeyId": "k",
                            }
                        }
                    ],
                },
            ),
            {
                ("rules[0].applyServerSideEncryptionByDefault.sseAlgorithm", "AES256"),
                ("rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId", "gone"),
                ("rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId", "alias/aws/s3"),
            },
        ),
        (
            resource(
                "snowflake:index/storageIntegrationAws:StorageIntegrationAws",
                "i",
                {
                    "storageAllowedLocations": ["s3://b/landing/"],
                    "storageAwsExternalId": "x",
                    "enabled": True,
                },
            ),
            {
                ("storageAllowedLocations", "['*']"),
                ("storageAllowedLocations", "['s3://']"),
                ("storageAllowedLocations[0]", "widened to s3://b/"),
                ("storageAwsExternalId", "gone"),
            },
        ),
    ],
    ids=lambda value: value.type.split(":")[-1] if isinstance(value, Resource) else "",
)
def test_what_protects_is_weakened(one: Resource, expected: set[tuple[str, str]]) -> None:
    assert told(properties.mutants(only(one))) == expected


def test_a_weaker_algorithm_takes_its_key_along_in_inputs_and_outputs() -> None:
    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "k"}
    one = resource(token, "b", {"rules": [{"applyServerSideEncryptionByDefault": default}]})
    mutant = named(properties.mutants(only(one)), "AES256")
    changed = mutant.change.changed[one.urn]
    for side in (changed.inputs, changed.outputs):
        assert side["rules"] == [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
    assert one.inputs["rules"] == [{"applyServerSideEncryptionByDefault": default}]


def test_the_properties_that_nobody_set_are_set() -> None:
    rules = [
        {"id": "a", "status": "Enabled", "transitions": [{"days": 90, "storageClass": "GLACIER_IR"}]},
        {"id": "b", "status": "Enabled", "expiration": {"days": 30}},
    ]
    one = resource(unset.LIFECYCLE, "b", {"bucket": "b", "rules": rules})
    assert told(unset.mutants(only(one))) == {
        ("rules[0].expiration.days", "1 day"),
        ("rules[1].status", "Disabled"),
    }
    bucket = resource(unset.BUCKET, "b", {"bucket": "b", "forceDestroy": False, "objectLockEnabled": True})
    assert told(unset.mutants(only(bucket))) == {("acl", "public-read")}
    assert told(properties.mutants(only(bucket))) == {
        ("forceDestroy", "True"),
        ("objectLockEnabled", "False"),
        ("objectLockEnabled", "gone"),
    }


def test_a_secret_is_weakened_and_the_others_stay_secret() -> None:
    one = stream("s", retentionPeriod=48)
    one = dataclasses.replace(
        one, raw_inputs={**one.raw_inputs, "kmsKeyId": secret("k"), "name": secret("s")}
    )
    mutant = named(properties.mutants(only(one)), "alias/aws/kinesis")
    changed = mutant.change.changed[one.urn].raw_inputs
    assert changed["kmsKeyId"] == "alias/aws/kinesis"
    assert changed["name"] == secret("s")


def test_a_deleted_resource_takes_references_and_what_cannot_be_without_it_along() -> None:
    dead = resource("aws:sqs/queue:Queue", "dead", {"name": "dead"}, arn="arn:dead")
    queue = resource(
        "aws:sqs/queue:Queue",
        "queue",
        {
            "name": "queue",
            "redrivePolicy": json.dumps({"deadLetterTargetArn": "arn:dead", "maxReceiveCount": 5}),
        },
        needs={"redrivePolicy": [dead]},
    )
    policy = resource(
        "aws:sqs/queuePolicy:QueuePolicy",
        "dead",
        {"queueUrl": "dead", "policy": document()},
        needs={"queueUrl": [dead]},
    )
    mapping = resource(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "m",
        {"functionName": "f", "destinationConfig": {"onFailure": {"destinationArn": "arn:dead"}}},
        needs={"destinationConfig": [dead]},
    )
    graph = Graph([dead, queue, policy, mapping])
    change = deletion.without(graph, dead)
    assert change.removed == {dead.urn, policy.urn}
    left = graph.apply(change)
    assert left.resources.keys() == {queue.urn, mapping.urn}
    assert left.resources[queue.urn].inputs == {"name": "queue"}
    assert left.resources[queue.urn].dependencies == []
    # The SDK requires a destination of a failure: what is left is no failure's destination at all.
    assert left.resources[mapping.urn].inputs == {"functionName": "f", "destinationConfig": {}}


def test_only_what_protects_is_deleted() -> None:
    graph = Graph([key("k"), stream("s"), resource("aws:cloudwatch/metricAlarm:MetricAlarm", "a", {})])
    assert {(one.resource.name, one.kind) for one in deletion.mutants(graph)} == {
        ("k", "encryption"),
        ("a", "alarm"),
    }


ALLOW = {
    "Sid": "S",
    "Effect": "Allow",
    "Action": ["kms:Encrypt"],
    "Resource": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k",
}


def weakened(statement: dict[str, Any]) -> dict[str, Any]:
    return dict(documents.weakened(statement))


def test_a_permission_is_widened_in_each_way() -> None:
    condition = {"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}}
    found = weakened({**ALLOW, "Condition": condition})
    assert found.keys() == {
        "Action kms:*",
        "Action *",
        "Resource *",
        f"Resource arn:aws:kms:{REGION}:{ACCOUNT}:key/*",
        "Condition StringEquals a gone",
        "Condition StringEquals b gone",
        "Condition Bool c gone",
        "Condition gone",
    }
    assert found["Condition Bool c gone"]["Condition"] == {"StringEquals": {"a": "1", "b": "2"}}
    assert found["Condition StringEquals a gone"]["Condition"] == {
        "StringEquals": {"b": "2"},
        "Bool": {"c": "true"},
    }
    assert "Condition" not in found["Condition gone"]


def test_what_is_as_wide_as_can_be_is_not_widened() -> None:
    assert weakened({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}) == {}


def test_one_condition_is_dropped_once() -> None:
    found = weakened({**ALLOW, "Condition": {"Bool": {"c": "true"}}})
    assert [what for what in found if "Condition" in what] == ["Condition Bool c gone"]


def test_a_principal_is_widened_to_everybody() -> None:
    found = weakened({**ALLOW, "Resource": "*", "Principal": {"Service": "s3.amazonaws.com"}})
    assert found["Principal *"]["Principal"] == "*"
    assert found["Principal AWS *"]["Principal"] == {"AWS": "*"}


def test_a_prohibition_is_weakened_and_never_widened() -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:DeleteObject", "s3:PutObject"],
        "Resource": "arn:aws:s3:::b/*",
        "Condition": {
            "ArnNotEquals": {"aws:PrincipalArn": ["arn:r"]},
            "Bool": {"aws:SecureTransport": "false"},
        },
    }
    found = weakened(deny)
    assert found.keys() == {
        "Deny gone",
        "Deny without Action s3:DeleteObject",
        "Deny without Action s3:PutObject",
        "Deny for one principal only",
        "Deny with everybody exempt by aws:PrincipalArn",
    }
    assert found["Deny gone"] is None
    assert found["Deny without Action s3:PutObject"]["Action"] == ["s3:DeleteObject"]
    exempt = found["Deny with everybody exempt by aws:PrincipalArn"]["Condition"]
    assert exempt == {"ArnNotLike": {"aws:PrincipalArn": ["*"]}, "Bool": {"aws:SecureTransport": "false"}}


def test_the_key_of_personal_data_is_opened_to_each_role() -> None:
    role = resource(
        documents.ROLE, "t-r", {"assumeRolePolicy": document()}, arn=f"arn:aws:iam::{ACCOUNT}:role/t-r"
    )
    pii = key("t-pii", policy=document())
    graph = Graph([pii, key("t-other", policy=document()), role, role_policy(ALLOW)])
    found = [one for one in documents.mutants(graph) if "pii" in one.what or one.resource is pii]
    assert told(found) == {
        ("policy", "kms:Decrypt on t-pii"),
        ("policy", "kms:Decrypt for t-r"),
        ("policy", "kms:Decrypt for t-r by condition"),
        ("policy", "kms:* for the account"),
        ("policy", "kms:CreateGrant for the account"),
    }
    added = json.loads(after(graph, named(found, "kms:Decrypt for t-r"), pii)["policy"])["Statement"]
    assert added == [
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": "*",
            "Principal": {"AWS": role.outputs["arn"]},
        }
    ]


def test_equivalent_statements_are_left_out_by_rule() -> None:
    own = {**ALLOW, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    made = mutants.of(only(key("t-operations", policy=document(own))))
    assert not [one for one in made.kept if one.what.startswith("Resource ")]
    assert [one for one in made.kept if one.what == "Principal *"]
    assert sum(made.left_out.values()) == 2
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    trusted = resource(documents.ROLE, "r", {"assumeRolePolicy": document(trust)})
    assert told(mutants.of(only(trusted)).kept) == {
        ("assumeRolePolicy[0]", "Principal *"),
        ("assumeRolePolicy[0]", "Principal AWS *"),
    }


def test_tags() -> None:
    one = stream("s", tags={"owner": "x", "data-classification": "restricted"})
    one = dataclasses.replace(one, raw_outputs={**one.raw_outputs, "tagsAll": one.inputs["tags"]})
    found = list(tagging.mutants(only(one)))
    assert told(found) == {
        ("tags", "gone"),
        ("tags", "empty"),
        ("tags.owner", "gone"),
        ("tags.data-classification", "gone"),
        ("tags.data-classification", "public"),
    }
    owner = next(one for one in found if one.where == "tags.owner").change.changed[one.urn]
    assert (
        owner.inputs["tags"]
        == owner.outputs["tags"]
        == owner.outputs["tagsAll"]
        == {"data-classification": "restricted"}
    )


def test_places_and_protection() -> None:
    one = dataclasses.replace(stream("s"), protect=True)
    one.raw_outputs["region"] = REGION
    graph = only(one)
    found = list(placing.mutants(graph))
    assert told(found) == {("protect", "False"), ("region", "us-east-1")}
    assert not named(found, "False").change.changed[one.urn].protect
    moved = named(found, "us-east-1").change.changed[one.urn]
    assert moved.inputs["region"] == "us-east-1"
    assert moved.outputs["arn"] == f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
    assert one.outputs["arn"] == f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"


def test_masks_show_more() -> None:
    body = "CASE WHEN IS_ROLE_IN_SESSION('REID') THEN VAL WHEN IS_ROLE_IN_SESSION('ANALYST') THEN 'x' ELSE '***' END"
    mask = resource(warehouse.MASK, "m", {"body": body, "arguments": [{"name": "VAL", "type": "VARCHAR"}]})
    graph = only(mask)
    found = list(warehouse.mutants(graph))
    assert {one.what for one in found} == {
        "shows the value to all",
        "shows the value to all others",
        "shows the value to ANALYST",
        "shows the value to PUBLIC",
    }
    assert after(graph, named(found, "shows the value to all"), mask)["body"] == "VAL"
    others = after(graph, named(found, "shows the value to all others"), mask)["body"]
    assert others.endswith("THEN 'x' ELSE VAL END")
    analyst = after(graph, named(found, "shows the value to ANALYST"), mask)["body"]
    assert analyst.startswith(
        "CASE WHEN IS_ROLE_IN_SESSION('ANALYST') THEN VAL WHEN IS_ROLE_IN_SESSION('REID')"
    )


def test_roles_are_granted_to_those_who_lack_them() -> None:
    pairs = [("RAW_R", "LOADER"), ("MART_R", "ANALYST"), ("ANALYST", "LEAD")]
    grants = [
        resource(warehouse.ROLES, f"g{index}", {"roleName": child, "parentRoleName": parent})
        for index, (child, parent) in enumerate(pairs)
    ]
    found = {one.what for one in warehouse.mutants(Graph(grants)) if one.where == "beside it"}
    assert found == {
        "RAW_R granted to ANALYST",
        "RAW_R granted to LEAD",
        "MART_R granted to LOADER",
        "ANALYST granted to LOADER",
    }
    assert sum(one.what == "PUBLIC" for one in warehouse.mutants(Graph(grants))) == 3


def test_columns_lose_their_tag_one_by_one() -> None:
    columns = ['"D"."S"."T"."A"', '"D"."S"."T"."B"']
    one = resource(warehouse.TAGGED, "t", {"objectIdentifiers": columns, "tagId": "T1", "tagValue": "x"})
    tags = [resource(warehouse.TAG, name, {"name": name}, id=name) for name in ("T1", "T2")]
    graph = Graph([one, *tags])
    found = [each for each in warehouse.mutants(graph) if each.resource is one]
    assert [after(graph, each, one)["objectIdentifiers"] for each in found[:2]] == [columns[1:], columns[:1]]
    assert after(graph, named(found, "the tag T2"), one)["tagId"] == "T2"


def test_plaintext_gets_out_in_each_way() -> None:
    ingress, protected = stream("in"), stream("out")
    function = resource(
        flow.FUNCTION,
        "f",
        {"role": "r", "environment": {"variables": {"PROTECTED_STREAM": "out"}}},
        arn="arn:aws:lambda:f",
    )
    mapping = resource(
        flow.MAPPING, "m", {"eventSourceArn": ingress.outputs["arn"], "functionName": "arn:aws:lambda:f"}
    )
    other = resource(flow.FUNCTION, "g", {}, arn="arn:aws:lambda:g")
    delivery = resource(
        flow.DELIVERY,
        "d",
        {
            "name": "d",
            "destination": "extended_s3",
            "kinesisSourceConfiguration": {"kinesisStreamArn": protected.outputs["arn"], "roleArn": "r"},
            "extendedS3Configuration": {"bucketArn": "arn:aws:s3:::b", "roleArn": "r", "prefix": "landing/"},
        },
    )
    bucket = resource(flow.BUCKET, "b", {"bucket": "b"}, arn="arn:aws:s3:::b")
    graph = Graph([ingress, protected, function, mapping, other, delivery, bucket, role_policy(ALLOW)])
    found = list(flow.mutants(graph))
    assert {(one.resource.name, one.what) for one in found} == {
        ("d", "reads in"),
        ("d", "another one reads in"),
        ("d", "gone: anybody may put to it"),
        ("d", "a backup of its source"),
        ("d", "a processor"),
        ("d", "somebody else's bucket"),
        ("d", "gone"),
        ("m", "g reads its stream too"),
        ("m", "the bucket b"),
        ("f", "writes to in"),
        ("t-role", "may read in"),
        ("t-role", "may write to b/landing"),
        ("t-role", "may delete from b"),
    }
    source = after(graph, named(found, "reads in"), delivery)["kinesisSourceConfiguration"]
    assert source == {"kinesisStreamArn": ingress.outputs["arn"], "roleArn": "r"}
    second = graph.apply(named(found, "g reads its stream too").change)
    assert len(second.of(flow.MAPPING)) == 2
    assert all(deployable(now) for one in found for now in one.change.changed.values())
