"""The rotation that makes the key of the tokens, once."""

import base64
from typing import Any

import pytest
from transform_kit import Wire

from functions.token_key.handler import TokenKeyError, rotate

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:token-key"
FIRST, SECOND = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


class Store:
    """A secret store with one secret, as its documentation describes it."""

    def __init__(self, *, labels_first_as_current: bool = True) -> None:
        self.labels_first = labels_first_as_current
        self.stages: dict[str, set[str]] = {}
        self.values: dict[str, bytes] = {}
        self.wire = Wire()
        self.wire.answers = {
            "DescribeSecret": self.describe,
            "GetSecretValue": self.get,
            "PutSecretValue": self.put,
            "UpdateSecretVersionStage": self.update,
        }
        self.client = self.wire.client("secretsmanager")

    def begin(self, version: str) -> None:
        """What the store does before it calls the function: a version without a value."""
        self.stages.setdefault(version, set()).add("AWSPENDING")

    def describe(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"ARN": ARN, "VersionIdsToStages": {v: sorted(s) for v, s in self.stages.items() if s}}

    def get(self, arguments: dict[str, Any]) -> dict[str, Any] | Exception:
        value = self.values.get(arguments["VersionId"])
        if value is None:
            return Exception("ResourceNotFoundException")
        return {"SecretBinary": base64.b64encode(value).decode()}

    def put(self, arguments: dict[str, Any]) -> dict[str, Any] | Exception:
        version = arguments["ClientRequestToken"]
        if version in self.values:
            return Exception("ResourceExistsException")
        if self.labels_first and not self.values:
            self.stages[version].add("AWSCURRENT")
        self.values[version] = base64.b64decode(arguments["SecretBinary"])
        self.stages[version] |= set(arguments["VersionStages"])
        return {}

    def update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self.stages[arguments["MoveToVersionId"]].add(arguments["VersionStage"])
        return {}

    def step(self, step: str, version: str = FIRST) -> None:
        rotate({"Step": step, "SecretId": ARN, "ClientRequestToken": version}, self.client)

    def rotate(self, version: str, times: int = 1) -> None:
        self.begin(version)
        for step in STEPS:
            for _ in range(times):
                self.step(step, version)


@pytest.mark.parametrize("labels_first", [True, False], ids=["labelled at once", "labelled at last"])
@pytest.mark.parametrize("times", [1, 3])
def test_the_first_rotation_makes_a_current_key(times: int, *, labels_first: bool) -> None:
    """GIVEN a secret without value WHEN it is rotated, each step once or more THEN it has one key."""
    store = Store(labels_first_as_current=labels_first)
    store.rotate(FIRST, times)
    assert list(store.values) == [FIRST]
    assert len(store.values[FIRST]) == 32
    assert "AWSCURRENT" in store.stages[FIRST]


def test_keys_are_random() -> None:
    stores = [Store() for _ in range(3)]
    for store in stores:
        store.rotate(FIRST)
    assert len({store.values[FIRST] for store in stores}) == 3


def test_a_second_rotation_refuses_and_changes_nothing() -> None:
    """GIVEN a current key WHEN the schedule comes round THEN it is refused with what to do."""
    store = Store()
    store.rotate(FIRST)
    before = dict(store.values)
    store.begin(SECOND)
    for step in STEPS:
        with pytest.raises(TokenKeyError, match="no old token would equal a new one: nothing was changed"):
            store.step(step, SECOND)
    assert store.values == before
    assert "AWSCURRENT" not in store.stages[SECOND]


def test_a_key_of_another_length_fails_its_test() -> None:
    store = Store()
    store.begin(FIRST)
    store.values[FIRST] = b"short"
    with pytest.raises(TokenKeyError, match="is no key of 32 bytes") as raised:
        store.step("testSecret")
    assert "short" not in str(raised.value)


def test_an_unknown_step_is_refused() -> None:
    store = Store()
    store.begin(FIRST)
    with pytest.raises(TokenKeyError, match="unknown step 'dropSecret'"):
        store.step("dropSecret")


def test_other_errors_of_the_store_are_not_taken_for_an_absent_value() -> None:
    store = Store()
    store.begin(FIRST)
    store.wire.answers["GetSecretValue"] = lambda _: Exception("AccessDeniedException")
    with pytest.raises(Exception, match="AccessDenied"):
        store.step("createSecret")
    assert store.values == {}
