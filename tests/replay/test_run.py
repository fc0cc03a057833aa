"""A replay into a real (emulated) Kinesis: everything arrives, and `Sent` says what it was."""

import io
from collections import Counter
from itertools import chain

import pytest
from rich.console import Console
from rich.progress import Progress

from local.replay import PutError, Replay, run
from local.state import Lake
from tests.replay.conftest import received

SWITCHES = {"days": 1, "duplicates": 0.05, "shuffle": True, "invalid": 0.1, "seed": 5}


def test_everything_arrives_once_and_is_accounted_for(lake: Lake) -> None:
    shown = io.StringIO()
    with Progress(console=Console(file=shown)) as progress:
        sent = run(lake, **SWITCHES, progress=progress)
    replay = Replay(**SWITCHES)
    events = list(replay)
    for source, streams in lake.streams.items():
        shards = received(lake, streams.ingress)
        assert Counter(chain(*shards)) == Counter(e.body for e in events if e.source == source)
        assert min(map(len, shards)) > 20
    assert sent.counts == Counter((e.source, e.event, e.kind) for e in events)
    assert sent.reasons == Counter((e.source, e.reason) for e in events if e.reason)
    assert sent.records == len(replay) == sent.valid + sent.duplicates + sent.invalid
    assert sent.reasons.total() == sent.invalid > 40
    assert sent.distinct("pos", "sale") == len({e.key for e in events if e.event == "sale" and not e.reason})
    assert sent.bytes == sum(len(e.body) for e in events)
    assert sent.needles == replay.needles()
    assert sent.seconds > 0
    assert "100%" in shown.getvalue()
    assert f"{sent.records:,} records sent" in str(sent)


def test_each_source_arrives_in_order(lake: Lake) -> None:
    run(lake, days=1)
    place = {e.body: number for number, e in enumerate(Replay(days=1))}
    for streams in lake.streams.values():
        for shard in received(lake, streams.ingress):
            numbers = [place[body] for body in shard]
            assert numbers == sorted(numbers)


def test_a_stream_that_is_not_there_is_an_error(lake: Lake) -> None:
    lake.boto("kinesis").delete_stream(StreamName=lake.streams["pos"].ingress)
    with pytest.raises(PutError, match=r"-pos-ingress: .* could not be delivered: ResourceNotFoundException"):
        run(lake, days=1)
