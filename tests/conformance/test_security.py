"""How every cloud must keep data. One logic; what it means in a cloud is said in `described/`."""

import re
from copy import deepcopy
from dataclasses import replace

import pytest

from components.pattern import LANDING_PREFIX
from local.standin.schema import resource_type
from local.standin.state import Resource
from tests.conformance.description import KEPT, LANDING, Right, called
from tests.conformance.kit import Lake
from tests.program.graph import Graph

TAGS = {"project", "stack", "environment", "owner", "cost-centre", "data-classification"}
CLASSES = {"restricted", "confidential", "internal"}


def own(lake: Lake) -> list[Resource]:
    """The resources of the cloud itself."""
    found = [one for one in lake.graph.custom if one.type.startswith(f"{lake.description.package}:")]
    assert found
    return found


def keys(lake: Lake) -> set[str]:
    """All names by which the stack's own keys go."""
    kind, outputs = lake.description.keys
    found = {one.outputs[name] for one in lake.graph.run.of(kind) for name in outputs}
    assert found
    return found


def ids(lake: Lake, stage: str) -> dict[str, str]:
    """The id of each source's stream."""
    return {source: str(one.known["id"]) for source, one in lake.by_source(stage).items()}


# --- tags -----------------------------------------------------------------------------------------------


def test_all_that_takes_tags_has_the_stack_s_tags_and_a_classification(kept: Lake) -> None:
    taggable = [one for one in own(kept) if "tags" in resource_type(one.type).inputs.properties]
    assert len({one.type for one in taggable}) > 3
    for one in taggable:
        tags = one.inputs.get("tags") or {}
        assert tags.keys() >= TAGS, one.urn
        assert (tags["stack"], tags["environment"]) == (kept.stack, kept.settings.environment), one.urn
        assert tags["data-classification"] in CLASSES, one.urn


# --- encryption -----------------------------------------------------------------------------------------


def test_the_description_is_whole(kept: Lake) -> None:
    """Everything that must be encrypted is described, or excused with a reason; so is the landing zone."""
    told = kept.description
    assert not [what for what in KEPT if not told.keyed.get(what) and not told.excused.get(what)]
    assert not [what for what in LANDING if not told.landing.get(what)]
    kinds = {one.type for one in own(kept)}
    described = {each.type for all_of in told.keyed.values() for each in all_of}
    companions = {each.companion for all_of in told.keyed.values() for each in all_of if each.companion}
    assert described | companions <= kinds, "a described type is not in the stack"
    keyed = {
        kind
        for kind in kinds
        if any(re.search(told.key_property, name) for name in resource_type(kind).inputs.properties)
    }
    spoken_of = described | companions | told.excused.keys() | {told.keys[0]}
    assert keyed - spoken_of == set(), "could have a key, and nobody says whether it must"


@pytest.mark.parametrize("what", KEPT)
def test_what_is_kept_is_encrypted_with_the_stack_s_own_key(kept: Lake, what: str) -> None:
    if what in kept.description.excused:
        return
    ours = keys(kept)
    for one in kept.description.keyed[what]:
        found = list(one.values(kept.graph))
        assert found, one.type
        for resource, values in found:
            assert values and {*values} <= ours, f"{resource.urn}: {one.path}"


# --- protection of landing ------------------------------------------------------------------------------


@pytest.mark.parametrize("what", LANDING)
def test_the_landing_zone_is(kept: Lake, what: str) -> None:
    if what == "immutable" and kept.settings.landing.lock_mode == "none":
        return
    for must in kept.description.landing[what]:
        found = list(must.of.values(kept.graph))
        assert found, must.of.type
        for resource, values in found:
            assert values and all(must.holds(value) for value in values), f"{resource.urn}: {must.of.path}"


def test_the_landing_zone_is_protected_when_the_stack_says_so(kept: Lake) -> None:
    kind, named = kept.description.zone
    zones = [one for one in kept.graph.run.of(kind) if called(one, named)]
    assert zones
    assert {one.protect for one in zones} == {kept.settings.protect}
    secret = kept.graph.run.of(kept.description.keys[0])
    assert {one.protect for one in secret} == {kept.settings.protect}


# --- who may do what ------------------------------------------------------------------------------------


def workers(lake: Lake, may: str, on: str, prefix: str = "") -> set[tuple[str, str]]:
    """Who may do something, as (worker, source); with a prefix, whoever may do it somewhere below."""
    return {
        lake.worker(right.holder)
        for right in lake.description.rights(lake.graph)
        if right.may == may
        and right.on == on
        and (right.under.startswith(prefix) or prefix.startswith(right.under))
    }


def test_ingress_is_read_by_its_transform_alone(kept: Lake) -> None:
    for source, stream in ids(kept, "ingress").items():
        assert workers(kept, "read", stream) == {("protect", source)}
        assert workers(kept, "write", stream) == set()


def test_a_protected_stream_is_written_by_its_transform_and_read_by_delivery_alone(kept: Lake) -> None:
    for source, stream in ids(kept, "protect").items():
        assert workers(kept, "write", stream) == {("protect", source)}
        assert workers(kept, "read", stream) <= {("deliver", source)}


def test_records_are_carried_from_ingress_to_the_transform_and_from_protected_to_the_zone(kept: Lake) -> None:
    (zone,) = kept.of("landing_zone")
    ingress, protected = ids(kept, "ingress"), ids(kept, "protect")
    carried = list(kept.description.carries(kept.graph))
    for source in ingress:
        of_ingress = {kept.worker(one.carrier) for one in carried if one.origin == ingress[source]}
        assert of_ingress == {("protect", source)}
        of_protected = [one for one in carried if one.origin == protected[source]]
        assert {kept.worker(one.carrier) for one in of_protected} == {("deliver", source)}
        assert {one.target for one in of_protected} == {zone.known["id"]}
    into = {one.origin for one in carried if one.target == zone.known["id"]}
    assert into == {*protected.values()}
    assert {one.origin for one in carried} == {*ingress.values(), *protected.values()}


def test_only_delivery_writes_below_the_landing_prefix(kept: Lake) -> None:
    (zone,) = kept.of("landing_zone")
    written = workers(kept, "write", str(zone.known["id"]), LANDING_PREFIX)
    assert written == {("deliver", source) for source in ids(kept, "ingress")}


def test_nobody_but_reid_decrypts_personal_data_and_transforms_encrypt_it(kept: Lake) -> None:
    found = kept.description.pii_keys(kept.graph)
    assert found
    for key in found:
        assert workers(kept, "encrypt", key) == {("protect", source) for source in ids(kept, "ingress")}
        revealing = {("reveal", "")} if kept.settings.reid else set[tuple[str, str]]()
        assert workers(kept, "decrypt", key) == revealing


# --- trust of the warehouse -----------------------------------------------------------------------------


def test_the_warehouse_alone_may_become_the_reader(kept: Lake) -> None:
    (asked,) = kept.of("trust_warehouse")
    found = list(kept.description.trusts(kept.graph))
    warehouse = kept.description.principal(kept.settings, str(asked.known["principal"]))
    assert {one.principal for one in found} == {warehouse}
    if kept.description.says_word:
        assert {one.word for one in found} == {asked.given["identity"].word}


def test_the_reader_only_reads_and_only_below_the_landing_prefix(kept: Lake) -> None:
    (zone,) = kept.of("landing_zone")
    rights: list[Right] = [
        right for right in kept.description.rights(kept.graph) if kept.worker(right.holder)[0] == "read"
    ]
    assert {right.may for right in rights} <= {"read", "list", "decrypt"}
    reads = [right for right in rights if right.may == "read"]
    assert reads
    assert {right.on for right in reads} == {zone.known["id"]}
    assert {right.under for right in reads} == {LANDING_PREFIX}
    allowed = {zone.known["id"], *keys(kept)} - {*kept.description.pii_keys(kept.graph)}
    assert {right.on for right in rights} <= allowed


# --- the suite itself -----------------------------------------------------------------------------------


def test_a_weaker_lake_does_not_pass(kept: Lake) -> None:
    """Each described property, taken away or made another, is noticed."""
    told, noticed = kept.description, 0
    paths = {(one, what) for what, all_of in told.keyed.items() for one in all_of}
    for one, what in sorted(paths, key=str):
        weak = without(kept, one.companion or one.type, one.path, one.named)
        with pytest.raises(AssertionError):
            test_what_is_kept_is_encrypted_with_the_stack_s_own_key(weak, what)
        noticed += 1
    for what, musts in told.landing.items():
        if what == "immutable" and kept.settings.landing.lock_mode == "none":
            continue
        for must in musts:
            weak = without(kept, must.of.companion or must.of.type, must.of.path, must.of.named)
            with pytest.raises(AssertionError):
                test_the_landing_zone_is(weak, what)
            noticed += 1
    taggable = next(one.type for one in own(kept) if one.inputs.get("tags"))
    with pytest.raises(AssertionError):
        test_all_that_takes_tags_has_the_stack_s_tags_and_a_classification(without(kept, taggable, "tags"))
    assert noticed > len(LANDING)


def test_a_right_too_many_does_not_pass(kept: Lake) -> None:
    """Whoever else may read or write, and a reader who may more than read, is noticed."""
    (zone,) = kept.of("landing_zone")
    known = list(kept.description.rights(kept.graph))
    source, other = sorted(ids(kept, "ingress"))[:2]

    def holder(work: str, of: str) -> Resource:
        return next(one.holder for one in known if kept.worker(one.holder) in {(work, of), (work, "")})

    landed, pii = str(zone.known["id"]), kept.description.pii_keys(kept.graph)[0]
    stranger, delivery, reader = holder("protect", other), holder("deliver", source), holder("read", "")
    more = {
        test_ingress_is_read_by_its_transform_alone: [
            Right(holder=stranger, may="read", on=ids(kept, "ingress")[source]),
            Right(holder=delivery, may="read", on=ids(kept, "ingress")[source]),
        ],
        test_a_protected_stream_is_written_by_its_transform_and_read_by_delivery_alone: [
            Right(holder=stranger, may="write", on=ids(kept, "protect")[source]),
            Right(holder=reader, may="read", on=ids(kept, "protect")[source]),
        ],
        test_only_delivery_writes_below_the_landing_prefix: [
            Right(holder=stranger, may="write", on=landed),
            Right(holder=stranger, may="write", on=landed, under=f"{LANDING_PREFIX}source={other}/"),
        ],
        test_nobody_but_reid_decrypts_personal_data_and_transforms_encrypt_it: [
            Right(holder=stranger, may="decrypt", on=pii),
        ],
        test_the_reader_only_reads_and_only_below_the_landing_prefix: [
            Right(holder=reader, may="write", on=landed, under=LANDING_PREFIX),
            Right(holder=reader, may="read", on=landed),
            Right(holder=reader, may="decrypt", on=pii),
        ],
    }
    for test, rights in more.items():
        for right in rights:
            weak = replace(kept)
            told = replace(kept.description, rights=lambda _, right=right: [*known, right])
            weak.__dict__["description"] = told
            with pytest.raises(AssertionError):
                test(weak)


def without(lake: Lake, kind: str, path: str, named: str = "") -> Lake:
    """The same lake, where one resource of a kind lacks a property."""
    run = deepcopy(lake.graph.run)
    inputs = next(one.raw_inputs for one in run.resources if one.type == kind and called(one, named))
    *steps, last = path.split(".")
    for step in steps:
        inputs = inputs[step.removesuffix("[*]")]
        inputs = inputs[0] if step.endswith("[*]") else inputs
    del inputs[last.removesuffix("[*]")]
    return replace(lake, graph=Graph(run))
