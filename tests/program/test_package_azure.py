"""The functions' zip as Azure's host reads it."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from components.aws.package import Target
from components.azure.package import AzurePackage
from settings import Functions

HERE = Functions(runtime="current", architecture="current")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return AzurePackage(target=Target.of(HERE), build=tmp_path_factory.mktemp("azure") / ".build").path


def test_the_host_finds_its_files_at_the_root_and_the_wheels_where_it_looks(made: Path) -> None:
    with zipfile.ZipFile(made) as archive:
        names = archive.namelist()
        host = json.loads(archive.read("host.json"))
    assert {
        "function_app.py",
        "host.json",
        "functions/transform/azure_handler.py",
        "contracts/pos/sale.v1.json",
    } <= set(names)
    roots = {name.split("/")[0] for name in names}
    assert roots == {".python_packages", "contracts", "function_app.py", "functions", "host.json"}
    assert ".python_packages/lib/site-packages/orjson/__init__.py" in names
    assert not [name for name in names if "pulumi" in name or "boto" in name]
    # A function that is killed in the middle of a batch is no harm; one that is never killed may hang.
    assert host["functionTimeout"] == "00:15:00"
    assert host["extensions"]["eventHubs"]["initialOffsetOptions"] == {"type": "fromStart"}


@pytest.mark.parametrize(("name", "found"), [("transform", "transform"), ("token_key", "token_key")])
def test_each_app_s_functions_load_from_the_zip_alone(
    made: Path, name: str, found: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(made) as archive:
        archive.extractall(tmp_path)
    code = (
        "import sys; sys.path[:0] = ['.', '.python_packages/lib/site-packages']\n"
        "import function_app, orjson\n"
        "print([one.get_function_name() for one in function_app.app.get_functions()], orjson.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path,
        env={"FUNCTION": name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"['{found}']" in done.stdout
    assert str(tmp_path) in done.stdout or ".python_packages" in done.stdout


def test_it_is_equal_to_the_byte_whoever_makes_it(made: Path, tmp_path: Path) -> None:
    again = AzurePackage(target=Target.of(HERE), build=tmp_path / ".build").path
    assert again.name == made.name
    assert again.read_bytes() == made.read_bytes()
