"""`down` leaves nothing behind, also after the lake's commands were killed."""

from pathlib import Path

import psutil
import pytest

from tests.e2e.running import Command

pytestmark = [pytest.mark.lake, pytest.mark.xdist_group("third-source")]


def test_down_leaves_no_process_no_port_and_no_file(tmp_path: Path) -> None:
    command = Command(tmp_path)
    command.run("up", "--days", "0", "--engine", "inprocess")
    ports = command.ports()
    assert len(ports) >= 3
    listening = {
        c.laddr for p in command.processes() for c in p.net_connections("inet") if c.status == "LISTEN"
    }
    assert {address.ip for address in listening} == {"127.0.0.1"}
    before = {process.pid for process in command.processes()}

    command.run("down")

    assert command.processes() == []
    assert not [pid for pid in before if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    open_now = {c.laddr.port for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert not ports & open_now
    assert not (tmp_path / ".local").exists()
    command.run("down")  # and once more: nothing to do is no fault
