"""``python -m local.aws --port N --s3 DIR``: the laptop's AWS as a process."""

import argparse
from pathlib import Path

from local.aws.server import serve

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--s3", type=Path, required=True, help="where objects are stored")
    arguments = parser.parse_args()
    serve(arguments.port, arguments.s3)
