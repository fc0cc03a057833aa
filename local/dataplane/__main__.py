"""``python -m local.dataplane --endpoint URL --region R``: the data plane as a process."""

import argparse
import logging
import os
import signal
import threading
import traceback

from local.dataplane.plane import DataPlane
from local.state import Paths


def die(fault: threading.ExceptHookArgs) -> None:
    """A reader that ended by a fault of ours would be missed by nobody: end the process, which is."""
    logging.critical(
        "%s ended: %s", fault.thread.name if fault.thread else "a thread", fault.exc_type.__name__
    )
    traceback.print_tb(fault.exc_traceback)
    os._exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.dataplane", description=__doc__)
    parser.add_argument("--endpoint", required=True, help="the AWS endpoint whose data plane this is")
    parser.add_argument("--region", required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    threading.excepthook = die
    plane = DataPlane(Paths(), arguments.endpoint, arguments.region)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: plane.stopped.set())
    plane.run()
