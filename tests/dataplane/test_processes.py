"""Processes: found again, never mistaken, ended with all their children."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local import processes
from local.processes import Program, answers, ensure, find, start, stop, stop_all
from local.state import LakeError, Paths, read_json, write_json

SERVER = """
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()
"""
# A server with a child that outlives it, as Lambdas may.
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
)
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], stdout=subprocess.PIPE)
child.stdout.readline()
{SERVER}
"""


def program(code: str = SERVER, name: str = "server") -> Program:
    return Program(
        name=name, command=lambda port: [sys.executable, "-c", code, str(port)], healthy=answers("/"), grace=1
    )


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    paths = Paths(tmp_path).make()
    yield paths
    stop_all(paths, ["server"], grace=1)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_running_process_is_found_and_not_started_twice(paths: Paths) -> None:
    first, started = ensure(paths, program())
    again, started_again = ensure(paths, program())
    assert (started, started_again) == (True, False)
    assert first == again == find(paths, "server")


def test_it_is_started_again_on_its_port(paths: Paths) -> None:
    first = start(paths, program())
    psutil.Process(first.pid).kill()
    second, started = ensure(paths, program())
    assert started
    assert second.pid != first.pid
    assert second.port == first.port


def test_a_port_that_somebody_took_is_left_to_them(paths: Paths) -> None:
    first = start(paths, program())
    assert stop(paths, "server")
    with socket.socket() as somebody:
        somebody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        somebody.bind(("127.0.0.1", first.port))
        somebody.listen()
        assert start(paths, program()).port != first.port


def test_stopping_ends_children_that_ignore_it(paths: Paths) -> None:
    process = start(paths, program(PARENT))
    [child] = psutil.Process(process.pid).children()
    assert stop(paths, "server", grace=0.5)
    assert not runs(child)
    assert not listens(process.port)
    assert find(paths, "server") is None
    assert not stop(paths, "server")


def test_children_of_a_killed_process_are_ended_too(paths: Paths) -> None:
    process = start(paths, program(PARENT))
    [child] = psutil.Process(process.pid).children()
    psutil.Process(process.pid).kill()
    processes._children[process.pid].wait()
    assert runs(child)
    assert stop_all(paths, ["server"], grace=0.5)
    assert not runs(child)


def test_without_a_pid_file_it_is_ended_all_the_same(paths: Paths) -> None:
    process = start(paths, program())
    (paths.run / "server.pid.json").unlink()  # `up` was killed between starting it and noting it
    assert find(paths, "server") is None
    assert stop_all(paths, [], grace=1) == [f"a stray process ({process.pid})"]
    assert not listens(process.port)


def test_a_recycled_pid_is_left_alone(paths: Paths) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        noted = {"name": "server", "pid": bystander.pid, "started": time.time() - 3600, "port": 1}
        write_json(paths.run / "server.pid.json", noted)
        assert find(paths, "server") is None
        # even with its very start time: it has not our mark
        noted["started"] = psutil.Process(bystander.pid).create_time()
        write_json(paths.run / "server.pid.json", noted)
        assert find(paths, "server") is None
        assert not stop(paths, "server")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_another_lakes_processes_are_left_alone(paths: Paths, tmp_path: Path) -> None:
    other = Paths(tmp_path / "other").make()
    theirs = start(other, program())
    try:
        assert stop_all(paths, ["server"], grace=1) == []
        assert find(other, "server") == theirs
    finally:
        stop_all(other, ["server"], grace=1)


def test_one_that_ends_at_once_says_why(paths: Paths) -> None:
    with pytest.raises(LakeError, match=r"`server` ended at once(.|\n)*the reason"):
        start(paths, program("raise SystemExit('the reason')"))


def test_one_that_does_not_serve_is_ended(paths: Paths) -> None:
    with pytest.raises(LakeError, match=r"does not serve on 127\.0\.0\.1"):
        start(paths, program("import time; time.sleep(600)"), timeout=0.5)
    assert stop_all(paths, ["server"]) == []


def test_the_environment_is_scrubbed(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    process = start(paths, program())
    environment = psutil.Process(process.pid).environ()
    assert not {"AWS_SECRET_ACCESS_KEY", "PYTHONPATH"} & set(environment)
    assert environment["HOME"] == str(paths.home)
    assert environment["TMPDIR"] == str(paths.tmp)
    assert environment["RETAILLAKE_ROOT"] == str(paths.root)


def test_it_is_not_ended_by_the_terminal(paths: Paths) -> None:
    process = start(paths, program())
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    assert read_json(paths.run / "server.pid.json")["pid"] == process.pid
