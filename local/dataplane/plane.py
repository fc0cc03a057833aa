"""The data plane: finds what is to be run, runs it, and says how far it is.

Nothing is configured here: event source mappings and delivery streams are found over the public API, as they
come, change and go. Counters go to one file; a flush is asked for by another.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from typing import Any

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from local.dataplane.kinesis import KinesisClient, KinesisError
from local.dataplane.mapping import MappingRunner, unsupported
from local.dataplane.pump import Delivery, Pump, UnsupportedDeliveryError
from local.state import Paths, aws_client, read_json, write_json

LOOK_EVERY = 1.0
PUBLISH_EVERY = 0.25
INVOKE_SECONDS = 905  # Lambda's longest run, and a little
CHANGING = ("LastModified", "LastProcessingResult", "State", "StateTransitionReason")

log = logging.getLogger(__name__)


def request_flush(paths: Paths) -> str:
    """Ask that all buffers be written; the returned mark appears as `flushed` where it is done."""
    mark = f"{time.time():.6f}-{os.getpid()}"
    write_json(paths.run / "dataplane.flush", mark)
    return mark


class DataPlane:
    """Runs every mapping and every delivery of one AWS endpoint."""

    def __init__(self, paths: Paths, endpoint: str, region: str) -> None:
        self._paths, self._endpoint, self._region = paths, endpoint, region
        self._kinesis = KinesisClient.of(endpoint, region)
        self._mappings: dict[str, tuple[Mapping[str, Any], MappingRunner]] = {}
        self._pumps: dict[str, tuple[Delivery, Pump]] = {}
        self._refused: dict[str, str] = {}
        self._started = time.time()
        self.stopped = threading.Event()

    def run(self) -> None:
        """Run until stopped."""
        looked_at = fault_said = 0.0
        while not self.stopped.is_set():
            if time.monotonic() - looked_at >= LOOK_EVERY:
                try:
                    self.look()
                except (BotoCoreError, ClientError, KinesisError, urllib3.exceptions.HTTPError) as fault:
                    if time.monotonic() - fault_said > 10:
                        log.warning("looking for what to run: %s", type(fault).__name__)
                        fault_said = time.monotonic()
                looked_at = time.monotonic()
            self._pass_on_flush()
            self.publish()
            self.stopped.wait(PUBLISH_EVERY)
        for _, runner in [*self._mappings.values(), *self._pumps.values()]:
            runner.stop()

    def aws(self, service: str) -> Any:
        """A client; the one of Lambda leaves retries to the mapping's rules."""
        if service == "lambda":
            return aws_client("lambda", self._endpoint, self._region, timeout=INVOKE_SECONDS, attempts=1)
        return aws_client(service, self._endpoint, self._region)

    def look(self) -> None:
        """Start what is new, restart what was changed, stop what is gone."""
        self._refused = {}
        self._look_for_mappings()
        self._look_for_deliveries()

    def publish(self) -> None:
        """Write the counters."""
        write_json(
            self._paths.dataplane,
            {
                "pid": os.getpid(),
                "started": self._started,
                "at": time.time(),
                "mappings": [runner.report() for _, runner in list(self._mappings.values())],
                "deliveries": [pump.report() for _, pump in list(self._pumps.values())],
                "refused": self._refused,
            },
        )

    def _pass_on_flush(self) -> None:
        wanted = read_json(self._paths.run / "dataplane.flush") or ""
        for _, pump in self._pumps.values():
            pump.flush_wanted = wanted

    def _look_for_mappings(self) -> None:
        pages = self.aws("lambda").get_paginator("list_event_source_mappings").paginate()
        found = {
            mapping["UUID"]: mapping
            for page in pages
            for mapping in page["EventSourceMappings"]
            if ":kinesis:" in mapping["EventSourceArn"] and mapping["State"] == "Enabled"
        }
        for identity in [i for i in self._mappings if i not in found]:
            self._mappings.pop(identity)[1].stop()
        for identity, mapping in found.items():
            reason = unsupported(mapping)
            if reason:
                self._refuse(f"mapping of {mapping['EventSourceArn'].rpartition('/')[2]}", reason)
                continue
            settings = {key: value for key, value in mapping.items() if key not in CHANGING}
            running = self._mappings.get(identity)
            if running and running[0] != settings:
                running[1].stop()
                running = None
            if not running:
                runner = MappingRunner(mapping, self._kinesis, self.aws, self._paths.checkpoints)
                running = self._mappings[identity] = (settings, runner)
            try:
                running[1].tend()
            except (
                KinesisError,
                urllib3.exceptions.HTTPError,
            ) as fault:  # one stream's fault is not the others'
                running[1].note(f"shards of {running[1].stream}: {type(fault).__name__}")

    def _look_for_deliveries(self) -> None:
        firehose = self.aws("firehose")
        names = _delivery_streams(firehose)
        for name in [n for n in self._pumps if n not in names]:
            self._pumps.pop(name)[1].stop()
        for name in names:
            description = firehose.describe_delivery_stream(DeliveryStreamName=name)[
                "DeliveryStreamDescription"
            ]
            try:
                delivery = Delivery.of(description)
            except UnsupportedDeliveryError as fault:
                self._refuse(f"delivery {name}", str(fault))
                continue
            running = self._pumps.get(name)
            if running and running[0] != delivery:
                running[1].stop()
                running = None
            if not running:
                pump = Pump(delivery, self._kinesis, self.aws, self._paths.checkpoints)
                self._pumps[name] = (delivery, pump)

    def _refuse(self, what: str, why: str) -> None:
        self._refused[what] = f"not run on the laptop: {why}"


def _delivery_streams(firehose: Any) -> list[str]:
    names: list[str] = []
    more = True
    while more:
        start = {"ExclusiveStartDeliveryStreamName": names[-1]} if names else {}
        page = firehose.list_delivery_streams(**start)
        names += page["DeliveryStreamNames"]
        more = page.get("HasMoreDeliveryStreams", False) and page["DeliveryStreamNames"]
    return names
