"""The lake's processes: started apart from the terminal, found again later, ended with all their children.

A process is known by three things at once: the pid and the start time in its pid file, and a mark in its
environment. A pid which the system gave to somebody else meanwhile matches neither of the latter two, and is
left alone; a child that lost its parent still carries the mark, and is found.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.state import PROJECT_ROOT, ROOT_VARIABLE, LakeError, Paths, read_json, write_json

HOST = "127.0.0.1"
MARK = "RETAILLAKE_PROCESS"
PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT")
START_TIME_SLACK = 2.0  # seconds; the clock may be set between two readings
TAIL_LINES = 25
GONE = (psutil.NoSuchProcess, psutil.ZombieProcess)


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run.

    Parameters
    ----------
    name
        The name of its pid file and its log.
    command
        The command line, given the port it shall listen on.
    healthy
        Says whether it serves, given its pid and port.
    grace
        Seconds that it gets to end by itself.
    """

    name: str
    command: Callable[[int], Sequence[str]]
    healthy: Callable[[int, int], bool]
    grace: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process of the lake that runs."""

    name: str
    pid: int
    started: float
    port: int


# The children of this very command must be waited for, or a dead one stays in the process table.
_children: dict[int, subprocess.Popen[bytes]] = {}


def answers(path: str, host: str = HOST) -> Callable[[int, int], bool]:
    """A health check: the process answers an HTTP request, with anything but a server's error."""

    def healthy(_pid: int, port: int) -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return healthy


def environment(paths: Paths, name: str) -> dict[str, str]:
    """A process's environment: none of the user's but the path and the language, and our mark."""
    return {
        **{key: os.environ[key] for key in PASSED_ON if key in os.environ},
        "HOME": str(paths.home),  # what a library wants to remember, it remembers here
        "TMPDIR": str(paths.tmp),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
        "PYTHONUNBUFFERED": "1",
        ROOT_VARIABLE: str(paths.root),
        MARK: name,
    }


def ensure(paths: Paths, program: Program, timeout: float = 60.0) -> tuple[Process, bool]:
    """The running process of that name, started if there is none (or one that does not serve).

    Returns
    -------
    tuple[Process, bool]
        The process, and whether it was started just now.

    Raises
    ------
    LakeError
        Where it ends, or does not serve in time: with the tail of its log.
    """
    running = find(paths, program.name)
    if running and _wait(paths, program, running, timeout=timeout):
        return running, False
    stop(paths, program.name, grace=program.grace)
    return start(paths, program, timeout=timeout), True


def start(paths: Paths, program: Program, timeout: float = 60.0) -> Process:
    """Start the process and wait until it serves."""
    port = _port(paths, program.name)
    log = paths.log / f"{program.name}.log"
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    with log.open("wb") as output:
        child = subprocess.Popen(
            [str(word) for word in program.command(port)],
            cwd=PROJECT_ROOT,
            env=environment(paths, program.name),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    process = Process(name=program.name, pid=child.pid, started=_start_time(child.pid), port=port)
    write_json(_pid_file(paths, program.name), vars(process))
    if not _wait(paths, program, process, timeout=timeout):
        ended = find(paths, program.name) is None
        stop(paths, program.name, grace=program.grace)
        happened = "ended at once" if ended else f"does not serve on {HOST}:{port} after {timeout:.0f} s"
        raise LakeError(f"the process `{program.name}` {happened}; the end of {log}:\n{tail(log)}")
    return process


def find(paths: Paths, name: str) -> Process | None:
    """The running process of that name, if its pid still is the one we started."""
    noted = read_json(_pid_file(paths, name))
    if not noted or not noted.get("pid"):
        return None
    process = Process(**noted)
    return process if _is_ours(paths, process) else None


def stop(paths: Paths, name: str, grace: float = 10.0) -> bool:
    """End the process of that name and all its children; says whether there was anything to end."""
    process = find(paths, name)
    victims = list(_marked(paths, name))
    if process:
        with suppress(*GONE):
            leader = psutil.Process(process.pid)
            victims += [leader, *leader.children(recursive=True)]
    _end(list(dict.fromkeys(victims)), grace)
    port = (read_json(_pid_file(paths, name)) or {}).get("port")
    if port:
        write_json(_pid_file(paths, name), {"port": port})
    return bool(victims)


def stop_all(paths: Paths, names: Sequence[str], grace: float = 10.0) -> list[str]:
    """End the processes of those names in their order, then whatever else carries the lake's mark."""
    ended = [name for name in names if stop(paths, name, grace=grace)]
    strays = list(_marked(paths))
    _end(strays, grace)
    return ended + [f"a stray process ({stray.pid})" for stray in strays]


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (empty)"


def _pid_file(paths: Paths, name: str) -> Path:
    return paths.run / f"{name}.pid.json"


def _port(paths: Paths, name: str) -> int:
    """The port it had before, if that is still free, else a new one."""
    before = (read_json(_pid_file(paths, name)) or {}).get("port", 0)
    for wanted in (before, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, wanted))
                return probe.getsockname()[1]
    raise LakeError(f"no free port on {HOST}")


def _start_time(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except GONE:
        return time.time()


def _is_ours(paths: Paths, process: Process) -> bool:
    child = _children.get(process.pid)
    if child:  # its pid is not given away before we have looked; and for a moment it has no environment yet
        return child.poll() is None
    try:
        found = psutil.Process(process.pid)
        return (
            _runs(found)
            and abs(found.create_time() - process.started) < START_TIME_SLACK
            and _has_mark(found, paths, process.name)
        )
    except (*GONE, psutil.AccessDenied):
        return False


def _has_mark(process: psutil.Process, paths: Paths, name: str | None = None) -> bool:
    variables = process.environ()
    mark = variables.get(MARK)
    return mark is not None and variables.get(ROOT_VARIABLE) == str(paths.root) and name in (None, mark)


def _marked(paths: Paths, name: str | None = None) -> Iterator[psutil.Process]:
    """Every living process that carries the mark of this lake, but for the one that asks."""
    for process in psutil.process_iter():
        with suppress(*GONE, psutil.AccessDenied, OSError):
            if process.pid != os.getpid() and _runs(process) and _has_mark(process, paths, name):
                yield process


def _wait(paths: Paths, program: Program, process: Process, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    pause = 0.02
    while time.monotonic() < deadline:
        if not _is_ours(paths, process):
            return False
        if program.healthy(process.pid, process.port):
            return True
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    return False


def _end(victims: Sequence[psutil.Process], grace: float) -> None:
    """Ask first, then insist; each by its own identity, so a recycled pid is never hit."""
    for act in (psutil.Process.terminate, psutil.Process.kill):
        for victim in victims:
            with suppress(*GONE):
                act(victim)
        victims = _remaining(victims, grace)
    if victims:
        raise LakeError(f"these processes do not end: {', '.join(str(victim.pid) for victim in victims)}")


def _remaining(victims: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still run after so many seconds; a zombie runs no more, and its parent may never look."""
    deadline = time.monotonic() + seconds
    while True:
        for child in _children.values():
            child.poll()
        left = [victim for victim in victims if _runs(victim)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except GONE:
        return False
