"""The rotation that makes the keys of the tokens, and adds versions to them."""

import base64
from typing import Any

import pytest
from transform_kit import Wire

from functions.shared.tokens import TokenKeyError, TokenKeys
from functions.token_key import handler
from functions.token_key.handler import rotate, translate

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:token-key"
FIRST, SECOND = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
EMPTY, TEXT = "33333333-3333-3333-3333-333333333333", "44444444-4444-4444-4444-444444444444"


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
        current = next((version for version, labels in self.stages.items() if "AWSCURRENT" in labels), "")
        value = self.values.get(arguments.get("VersionId", current))
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
        if removed := arguments.get("RemoveFromVersionId"):
            self.stages[removed].remove(arguments["VersionStage"])
        self.stages[arguments["MoveToVersionId"]].add(arguments["VersionStage"])
        return {}

    def step(self, step: str, version: str = FIRST, *, wanted: int = 1) -> None:
        rotate({"Step": step, "SecretId": ARN, "ClientRequestToken": version}, self.client, wanted=wanted)

    def rotate(self, version: str, times: int = 1, *, wanted: int = 1) -> None:
        self.begin(version)
        for step in STEPS:
            for _ in range(times):
                self.step(step, version, wanted=wanted)

    @property
    def current(self) -> TokenKeys:
        (version,) = (version for version, labels in self.stages.items() if "AWSCURRENT" in labels)
        return TokenKeys.read(self.values[version])


@pytest.mark.parametrize("labels_first", [True, False], ids=["labelled at once", "labelled at last"])
@pytest.mark.parametrize("times", [1, 3])
def test_the_first_rotation_makes_a_current_key(times: int, *, labels_first: bool) -> None:
    """GIVEN a secret without value WHEN it is rotated, each step once or more THEN it has one key."""
    store = Store(labels_first_as_current=labels_first)
    store.rotate(FIRST, times)
    assert list(store.values) == [FIRST]
    assert store.current.current == 1


def test_keys_are_random() -> None:
    stores = [Store() for _ in range(3)]
    for store in stores:
        store.rotate(FIRST)
    assert len({store.values[FIRST] for store in stores}) == 3


@pytest.mark.parametrize("times", [1, 3])
def test_a_rotation_by_the_schedule_changes_no_token(times: int) -> None:
    """GIVEN keys WHEN the schedule comes round THEN the secret is a new one, with the same keys."""
    store = Store()
    store.rotate(FIRST)
    before = store.current
    store.rotate(SECOND, times)
    assert list(store.values) == [FIRST, SECOND]
    assert store.current == before
    assert "AWSCURRENT" not in store.stages[FIRST]


@pytest.mark.parametrize("times", [1, 3])
def test_a_rotation_to_a_version_more_keeps_those_that_there_are(times: int) -> None:
    store = Store()
    store.rotate(FIRST)
    before = store.current
    store.rotate(SECOND, times, wanted=2)
    assert store.current.current == 2
    assert store.current.continues(before)
    store.rotate("3" * 36, wanted=1)
    assert store.current.current == 2, "none is ever taken back"


def test_until_the_last_step_the_old_keys_are_current() -> None:
    store = Store()
    store.rotate(FIRST)
    before = store.current
    store.begin(SECOND)
    for step in STEPS[:-1]:
        store.step(step, SECOND, wanted=2)
        assert store.current == before


def test_keys_that_lack_one_that_there_is_never_become_current() -> None:
    """GIVEN a pending secret of other keys, however it came there THEN its test fails, and nothing has changed."""
    store = Store()
    store.rotate(FIRST, wanted=2)
    for other in (TokenKeys.made(), TokenKeys(root=store.current.root, versions={1: bytes(32)})):
        store.begin(SECOND)
        store.values[SECOND] = other.written()
        with pytest.raises(TokenKeyError, match="lacks keys that there are: nothing was changed"):
            store.step("testSecret", SECOND)
    assert "AWSCURRENT" in store.stages[FIRST]


def test_a_current_secret_that_holds_no_keys_is_not_written_over() -> None:
    store = Store()
    store.rotate(FIRST)
    store.values[FIRST] = bytes(32)
    store.begin(SECOND)
    with pytest.raises(TokenKeyError, match="does not hold keys of tokens"):
        store.step("createSecret", SECOND)
    assert SECOND not in store.values


def test_a_current_version_without_a_value_is_a_secret_that_nobody_has_written() -> None:
    store = Store()
    store.stages[EMPTY] = {"AWSCURRENT"}
    store.wire.answers["GetSecretValue"] = lambda asked: (
        {} if asked.get("VersionId") == EMPTY else store.get(asked)
    )
    store.rotate(FIRST)
    assert store.current.versions.keys() == {1}


def test_a_text_is_no_keys_and_is_not_written_over() -> None:
    store = Store()
    store.stages[TEXT] = {"AWSCURRENT"}
    store.wire.answers["GetSecretValue"] = lambda asked: (
        {"SecretString": "text"} if asked.get("VersionId") == TEXT else store.get(asked)
    )
    store.begin(FIRST)
    with pytest.raises(TokenKeyError, match="does not hold keys of tokens"):
        store.step("createSecret")
    assert FIRST not in store.values


def test_a_pending_secret_without_keys_fails_its_test() -> None:
    store = Store()
    store.begin(FIRST)
    store.values[FIRST] = b"short"
    with pytest.raises(TokenKeyError, match="does not hold keys of tokens") as raised:
        store.step("testSecret")
    assert "short" not in str(raised.value)


def test_tokens_are_translated_by_who_has_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN tokens from before a rotation WHEN the function is asked THEN it says what they are now, and no key."""
    store = Store()
    store.rotate(FIRST)
    old = store.current.tokens([bytes(16), bytes([1]) * 16])
    store.rotate(SECOND, wanted=2)
    monkeypatch.setattr(handler.aws, "client", lambda _: store.client)
    answer = handler.handler({"Step": "translate", "SecretId": ARN, "Tokens": old}, None)
    assert answer == {"Tokens": store.current.tokens([bytes(16), bytes([1]) * 16])}
    with pytest.raises(TokenKeyError, match="no token of a known version"):
        translate({"Step": "translate", "SecretId": ARN, "Tokens": ["jane@example.com"]}, store.client)


def test_how_many_versions_there_shall_be_is_the_function_s_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store()
    monkeypatch.setattr(handler.aws, "client", lambda _: store.client)
    monkeypatch.setenv("TOKEN_VERSION", "2")
    store.begin(FIRST)
    for step in STEPS:
        assert handler.handler({"Step": step, "SecretId": ARN, "ClientRequestToken": FIRST}, None) is None
    assert store.current.current == 2


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
