"""The scanner must find what is planted, in every form and place: one that cannot fail proves nothing."""

import base64
import gzip
import io
import json
import random
import zipfile
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.leaks import CHUNK, Finder, Leak, Needle, ScanError, leaks

EMAIL, PHONE, STREET = "ann.lee.17@example.com", "+1 206 555 0117", "Świętokrzyska 12/3"
NEEDLES = [Needle(EMAIL, "email"), Needle(PHONE, "phone"), Needle(STREET, "street")]
FINDER = Finder(NEEDLES)


def what(data: bytes) -> set[str]:
    return {leak.what for leak in FINDER.find(data, "here")}


ENCODINGS = {
    "plain": str.encode,
    "upper case": lambda v: v.upper().encode(),
    "lower case": lambda v: v.lower().encode(),
    "json": lambda v: json.dumps({"v": v}).encode(),
    "json in json": lambda v: json.dumps(json.dumps({"v": v})).encode(),
    "url": lambda v: quote(v, safe="").encode(),
    "url, spaces as plus": lambda v: quote_plus(v).encode(),
    "utf-16-le": lambda v: v.encode("utf-16-le"),
    "utf-16-be": lambda v: v.encode("utf-16-be"),
    "hex": lambda v: v.encode().hex().encode(),
}


@pytest.mark.parametrize("value", [EMAIL, PHONE, STREET])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_finds_each_form(value: str, encoding: str) -> None:
    label = next(needle.label for needle in NEEDLES if needle.value == value)
    assert what(b"\x01{noise}" + ENCODINGS[encoding](value) + b"noise\xff") == {label}


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("value", [EMAIL, PHONE, STREET])
@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("after", range(4))
def test_finds_base64_at_every_alignment(encode, value: str, before: int, after: int) -> None:
    encoded = encode(random.Random(before).randbytes(before) + value.encode() + b"\xfe" * after)
    assert len(what(b'{"Data":"' + encoded + b'"}')) == 1


@settings(max_examples=200, deadline=None)
@given(noise=st.binary(max_size=200), at=st.integers(0, 200), value=st.sampled_from([EMAIL, PHONE, STREET]))
def test_finds_at_any_offset(noise: bytes, at: int, value: str) -> None:
    label = next(needle.label for needle in NEEDLES if needle.value == value)
    found = list(FINDER.find(noise[:at] + value.encode() + noise[at:], "here"))
    assert Leak(where="here", offset=len(noise[:at]), form="plain text", what=label) in found


@pytest.mark.parametrize("shift", range(-30, 10))
def test_finds_across_the_chunks_that_it_reads(shift: int) -> None:
    data = bytes(CHUNK + shift) + EMAIL.encode() + bytes(100)
    assert [leak.offset for leak in FINDER.find(data, "here")] == [CHUNK + shift]


def test_tells_all_of_many_values() -> None:
    needles = [Needle(f"shopper.{i}@example.net", f"email {i}") for i in range(3000)]
    data = b"\n".join(needle.value.encode() for needle in needles[::3])
    found = {leak.what for leak in Finder(needles).find(data, "here")}
    assert found == {needle.label for needle in needles[::3]}


def test_is_silent_where_nothing_is() -> None:
    masked = b'{"email":"1:QkFTRTY0:AAAA:xxxxx@example.com","phone":"17","city":"Seattle, US"}' * 1000
    assert not what(masked) and not what(b"") and not what(EMAIL.encode()[:-1])
    assert not what(random.Random(1).randbytes(3_000_000))


def test_refuses_a_value_that_chance_would_find() -> None:
    with pytest.raises(ValueError, match="chance"):
        Finder([Needle("Elm 1", "street")])


def test_a_finding_never_shows_the_value(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(f"call {PHONE} or write to {EMAIL}")
    shown = "\n".join(f"{leak} {leak!r}" for leak in leaks(tmp_path, NEEDLES))
    assert "notes.txt, byte 5: phone, as plain text" in shown
    assert EMAIL not in shown and PHONE not in shown


def packed(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        lambda data: gzip.compress(b"first member") + gzip.compress(data),
        lambda data: gzip.compress(gzip.compress(data)),
        lambda data: packed("a.py", data),
        lambda data: packed("inner.gz", gzip.compress(data)),
    ],
    ids=["gzip", "gzip members", "gzip twice", "zip", "gzip in zip"],
)
def test_unpacks(tmp_path: Path, pack) -> None:
    (tmp_path / "object").write_bytes(pack(b"x" * 1000 + EMAIL.encode()))
    assert {leak.what for leak in leaks(tmp_path, NEEDLES)} == {"email"}


def test_looks_at_names_and_into_the_depths(tmp_path: Path) -> None:
    deep = tmp_path / "a" / ".b"
    deep.mkdir(parents=True)
    (deep / EMAIL).touch()
    (deep / "c").write_bytes(STREET.encode())
    found = leaks(tmp_path, NEEDLES)
    assert {leak.what for leak in found} == {"email", "street"}
    assert EMAIL not in str(found)


def test_a_broken_archive_is_no_all_clear(tmp_path: Path) -> None:
    (tmp_path / "object.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9])
    with pytest.raises(ScanError, match=r"object\.gz"):
        leaks(tmp_path, NEEDLES)


@pytest.mark.parametrize("kind", ["VARCHAR", "JSON", "BLOB", "VARCHAR[]", "STRUCT(v VARCHAR)", "VARIANT"])
@pytest.mark.parametrize("open_", [False, True], ids=["closed", "in use"])
def test_reads_what_a_database_keeps_compressed(tmp_path: Path, kind: str, open_: bool) -> None:
    path = tmp_path / "lake.db"
    literal = {
        "JSON": """json_object('v', ?)""",
        "BLOB": "encode(?)",
        "VARCHAR[]": "[?]",
        "STRUCT(v VARCHAR)": "{'v': ?}",
        "VARIANT": "?::VARIANT",
    }.get(kind, "?")
    connection = duckdb.connect(str(path))
    connection.execute('CREATE SCHEMA "odd ""name"')
    connection.execute(f'CREATE TABLE "odd ""name"."T" (ID INTEGER, V {kind})')
    connection.execute('INSERT INTO "odd ""name"."T" SELECT i, NULL FROM range(20000) r(i)')
    connection.execute(f'INSERT INTO "odd ""name"."T" SELECT 1, {literal}', [EMAIL])
    if open_:
        connection.execute('INSERT INTO "odd ""name"."T" VALUES (2, NULL)')
    else:
        connection.close()
    found = leaks(tmp_path, NEEDLES)
    assert {leak.what for leak in found if "column V" in leak.where} == {"email"}
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.endswith(".wal")) == ["lake.db"]


def test_a_database_that_cannot_be_read_is_no_all_clear(tmp_path: Path) -> None:
    (tmp_path / "lake.db").write_bytes(bytes(8) + b"DUCK" + bytes(5000))
    with pytest.raises(ScanError, match=r"lake\.db"):
        leaks(tmp_path, NEEDLES)
