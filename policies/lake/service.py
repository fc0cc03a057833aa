"""What turns tokens back into values, on AWS: who may call it, what it keeps, and who hears of it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.graph import UNKNOWN, Node
from policies.lake.aws_bucket import spares
from policies.lake.grants import ROLE
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import Lake, Plaintext, Sign
from policies.rules import Fault
from policies.statements import ANYONE, Statement, matches, overlap, statements

API = "aws:apigateway/restApi:RestApi"
API_POLICY = "aws:apigateway/restApiPolicy:RestApiPolicy"
TABLE = "aws:dynamodb/table:Table"
TABLE_POLICY = "aws:dynamodb/resourcePolicy:ResourcePolicy"
FUNCTION = "aws:lambda/function:Function"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
INVOKE = "execute-api:Invoke"
ADD = "dynamodb:PutItem"
DELETE = "dynamodb:DeleteItem"
DECRYPT = "kms:Decrypt"
# What changes or removes an item of a table; a table that nobody may change only grows.
CHANGES = (
    "dynamodb:BatchWriteItem",
    DELETE,
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
    "dynamodb:UpdateItem",
)
# What such a function counts by itself: values that were shown, calls that it refused, calls that the key
# refused, and values that are not what was put there.
COUNTED = ["TokensRevealed", "Refused", "DecryptDenied", "Unreadable"]
QUARANTINED = ["Quarantined"]
_OTHERS = ("arnnotlike", "arnnotequals", "stringnotlike", "stringnotequals")
_EVERY_API = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:\*.*|execute-api:\*")


def _called(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for api in lake.graph.of(API):
        nodes = [api, *lake.graph.companions(api, "restApiId", API_POLICY)]
        given = [one.get("policy") for one in nodes if one.get("policy")]
        if UNKNOWN in given:
            continue
        said = [one for document in given for one in statements(document) or ()]
        if not given:
            yield api, "An API of a lake must say who may call it: add a RestApiPolicy."
        for statement in (one for one in said if one.allows):
            yield from ((api, fault) for fault in _let_in(statement))
        if given and not any(_keeps_out(one) for one in said):
            yield api, f"An API of a lake must deny {INVOKE} to all but the roles that it names."


def _let_in(statement: Statement) -> Iterator[str]:
    if wide := [one for one in statement.actions if one != INVOKE and "*" in one]:
        yield f"An API's policy allows all that is {', '.join(wide)}: name {INVOKE}."
    if ANYONE in statement.principals:
        yield "An API's policy names everybody: name the account, and who of it by aws:PrincipalArn."
    elif any(one.endswith(":root") for one in statement.principals) and (
        "aws:principalarn" not in statement.condition_keys
    ):
        yield "The whole account may call an API: name who of it by aws:PrincipalArn."
    if every := [one for one in statement.resources if _EVERY_API.fullmatch(one)]:
        yield f"An API's policy speaks of {', '.join(every)}: name the API."


def _keeps_out(statement: Statement) -> bool:
    """Say whether a statement denies calls to everybody but roles that it names."""
    spared = statement.condition("aws:PrincipalArn", _OTHERS)
    named = bool(spared) and not any("*" in one.rpartition("/")[2] for one in spared)
    return not statement.allows and ANYONE in statement.principals and bool(statement.of((INVOKE,))) and named


def _lasting(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    kept: list[str] = config.get("kept", [])
    for table in lake.graph.of(TABLE):
        ends = table.get("ttl.enabled") in (True, UNKNOWN)
        if lake.personal(table) and not ends and not any(matches(one, table.name) for one in kept):
            yield from ((table, fault) for fault in _changeable(lake, table))


def _changeable(lake: Lake, table: Node) -> Iterator[str]:
    """Yield how what is in a table that does not end could be changed, or added to by anybody."""
    documents = [one.get("policy") for one in lake.graph.companions(table, "resourceArn", TABLE_POLICY)]
    if UNKNOWN in documents:
        return
    said = [one for document in documents for one in statements(document) or ()]
    denied = [one for one in said if not one.allows and ANYONE in one.principals]
    always = [one for one in denied if not one.conditions]
    # To all, or to all but roles that it names: such a table grows, and can forget.
    reserved = [one for one in denied if not one.conditions or spares(one, "aws:PrincipalArn")]
    if missing := [
        one for one in CHANGES if not any(each.of((one,)) for each in (reserved if one == DELETE else always))
    ]:
        yield (
            f"What is in {table.name} must end, or nobody may change it: set ttl, "
            f"or deny {', '.join(missing)} to everybody."
        )
    elif not any(one.of((ADD,)) for one in reserved):
        yield f"A table that only grows must say who adds to it: deny {ADD} to all but named roles."


def _openers(lake: Lake) -> list[Node]:
    """The functions that may turn protected values back: their role may, or a key names it."""
    may = [one for one in lake.plaintext if DECRYPT in one.actions]
    return [
        function
        for function in lake.graph.of(FUNCTION)
        if any(_is(role, one) for role in lake.graph.targets(function, "role", ROLE) for one in may)
    ]


def _is(role: Node, found: Plaintext) -> bool:
    arn = role.text("arn")
    return role in found.party or (found.who != ANYONE and arn is not None and overlap(found.who, arn))


def _heard(lake: Lake) -> list[Node]:
    """The alarms that tell somebody."""
    alarms = lake.graph.of(ALARM)
    return [one for one in alarms if one.get("actionsEnabled") is not False and one.get("alarmActions")]


def _opened(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    metrics: list[str] = config.get("metrics", COUNTED)
    told = {one.text("metricName") for one in _heard(lake)}
    for function in _openers(lake):
        if Sign.FAILING not in lake.signs.get(function, ()):
            yield function, f"No alarm tells of {function.name} that it fails."
        for metric in metrics:
            if metric not in told:
                yield function, f"Nobody hears what {function.name} counts as {metric}: no alarm is on it."
    for api in lake.graph.of(API):
        if Sign.FAILING not in lake.signs.get(api, ()):
            yield api, f"No alarm tells of {api.name} that it fails."


def _quarantined(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    metrics: list[str] = config.get("metrics", QUARANTINED)
    alarms = [one for one in _heard(lake) if one.text("metricName") in metrics]
    about = [_known(one.section("dimensions")) for one in alarms]
    for transform in lake.transforms:
        told = _known(transform.node.section("environment.variables"))
        if UNKNOWN not in told and not any(told & one or UNKNOWN in one for one in about):
            yield transform.node, f"Nobody hears when much of what {transform.node.name} reads is refused."


def _known(values: Mapping[str, Any]) -> set[Any]:
    """The texts among some values, and whether one is not known yet."""
    return {one for one in values.values() if isinstance(one, str) or one is UNKNOWN}


def _names(default: list[str]) -> PolicyConfigSchema:
    return PolicyConfigSchema({"metrics": {"type": "array", "items": {"type": "string"}, "default": default}})


POLICIES = (
    lake_policy(
        "lake-api-configure-callers",
        description="The APIs of a lake are for named roles, whatever IAM gives to others.",
        check=by_cloud(aws=_called),
        steps="Allow execute-api:Invoke by aws:PrincipalArn, and deny it to all others.",
        severity=Severity.CRITICAL,
    ),
    lake_policy(
        "lake-table-configure-retention",
        description="What lies in a table of personal data ends, or nobody can change it.",
        check=by_cloud(aws=_lasting),
        steps="Set ttl, or deny every change by the table's policy; what must be neither, name in `kept`.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"kept": {"type": "array", "items": {"type": "string"}, "default": []}}),
    ),
    lake_policy(
        "lake-opener-missing-alarm",
        description="Somebody hears what a function that opens personal values does, and that it fails.",
        check=by_cloud(aws=_opened),
        steps="Add alarms, with an action, on its errors, on its API's and on what it counts.",
        severity=Severity.HIGH,
        config=_names(COUNTED),
    ),
    lake_policy(
        "lake-quarantine-missing-alarm",
        description="Somebody hears when many records of a source break their contract.",
        check=by_cloud(aws=_quarantined),
        steps="Add an alarm on what each transform refuses, with its source among the dimensions.",
        severity=Severity.MEDIUM,
        config=_names(QUARANTINED),
    ),
)
