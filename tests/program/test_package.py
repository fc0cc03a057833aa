"""The functions' zip: equal to the byte, complete, and free of what an installer leaves."""

import os
import platform
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from components.aws import package
from components.aws.package import LARGEST, Package, PackageError, Target
from settings import Functions
from tests.program.conftest import ROOT

HERE = Functions(runtime="current", architecture="current")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Package(target=Target.of(HERE), build=tmp_path_factory.mktemp("one") / ".build").path


def test_two_builds_are_equal_to_the_byte(made: Path, tmp_path: Path) -> None:
    again = Package(target=Target.of(HERE), build=tmp_path / ".build").path
    assert again != made
    assert again.name == made.name
    assert again.read_bytes() == made.read_bytes()


def test_it_holds_our_code_the_contracts_and_the_wheels_and_nothing_else(made: Path) -> None:
    with zipfile.ZipFile(made) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
    assert {"functions/transform/handler.py", "functions/token_key/handler.py"} <= set(names)
    assert "contracts/pos/sale.v1.json" in names
    assert {name.partition("/")[0] for name in names} >= {
        "orjson",
        "cryptography",
        "jsonschema_rs",
        "msgspec",
        "pybase64",
    }
    assert not [
        name for name in names if name.endswith((".pyc", "RECORD", "INSTALLER")) or "__pycache__" in name
    ]
    for entry in entries:
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert stat.filemode(entry.external_attr >> 16) == "-rw-r--r--"
    assert made.stat().st_size < LARGEST


def test_the_handlers_start_from_the_zip_alone(made: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(made) as archive:
        archive.extractall(tmp_path)
    # boto3 comes with Lambda's runtime; here it is lent by this environment, after all else.
    lent = next(path for path in sys.path if path.endswith("site-packages"))
    code = (
        f"import sys; sys.path.append({lent!r}); "
        "import functions.transform.handler as t, functions.token_key.handler as k, orjson, contracts; "
        "print(t.__file__, k.__file__, orjson.__file__, contracts.load().sources)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(tmp_path)) == 3


def test_what_is_made_once_is_not_made_again(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "_install", lambda *_: pytest.fail("installed again"))
    before = made.stat().st_mtime_ns
    assert Package(target=Target.of(HERE), build=made.parent).path == made
    assert made.stat().st_mtime_ns == before


def test_zips_of_code_that_is_no_more_are_removed(tmp_path: Path) -> None:
    build = tmp_path / ".build"
    build.mkdir()
    old, young = build / "functions-old.zip", build / "functions-young.zip"
    old.write_bytes(b"")
    young.write_bytes(b"")
    os.utime(old, (0, 0))
    made = Package(target=Target.of(HERE), build=build).path
    assert set(build.glob("*.zip")) == {made, young}


def test_the_wheels_of_production_are_for_another_machine(tmp_path: Path) -> None:
    target = Target.of(Functions())
    assert (target.python, target.platform) == ("3.13", "aarch64-manylinux_2_28")
    made = Package(target=target, build=ROOT / ".build").path
    with zipfile.ZipFile(made) as archive:
        binary = archive.read("cryptography/hazmat/bindings/_rust.abi3.so")
    assert binary[:4] == b"\x7fELF"
    assert int.from_bytes(binary[18:20], "little") == 0xB7  # AArch64, whatever this machine is


def test_current_is_what_runs_this() -> None:
    target = Target.of(HERE)
    assert target.runtime == f"python3.{sys.version_info.minor}"
    assert target.platform is None
    assert target.architecture == ("arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64")


def test_an_old_runtime_has_an_old_library() -> None:
    target = Target.of(Functions(runtime="python3.11", architecture="x86_64"))
    assert target.platform == "x86_64-manylinux_2_17"


def test_a_failed_install_says_what_and_for_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "functions.txt"
    wrong.write_text("orjson==3.13.0 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(package, "REQUIREMENTS", wrong)
    with pytest.raises(PackageError, match=r"for Python 3\.\d+ on this machine could not be fetched"):
        _ = Package(target=Target.of(HERE), build=tmp_path / ".build").path
    assert not list((tmp_path / ".build").glob("*"))


def test_without_uv_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "ROOT", tmp_path)
    monkeypatch.setattr(package.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(PackageError, match="make environment"):
        package._uv()
