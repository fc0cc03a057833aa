"""The parts of a lake on Azure: Event Hubs, function apps, Capture, Key Vault, and what watches them."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from policies.graph import Node
from policies.lake import azure_access, azure_flow, azure_guard, azure_region, azure_watch
from policies.lake.azure_places import APP, HUB, Places
from policies.lake.azure_roles import Right, rights
from policies.lake.parts import (
    CLASS,
    CONFIDENTIAL,
    RESTRICTED,
    Access,
    Channel,
    Delivery,
    Failure,
    Guard,
    Lake,
    Pipe,
    Plaintext,
    Queue,
    Sign,
    Transform,
)
from policies.lake.warehouse import pipes


class AzureLake(Lake):
    """A lake on Azure."""

    cloud: ClassVar[str] = "azure"
    # An app that does not run says nothing of how late it is; nor does one that refuses all that comes.
    watched: ClassVar[tuple[Sign, ...]] = (Sign.LATE, Sign.FAILING, Sign.IDLE, Sign.REFUSING)

    @property
    def home(self) -> frozenset[str]:
        """The locations of Azure's providers."""
        return azure_region.home(self.graph)

    def regions(self, node: Node) -> list[str]:
        """Locations, with those of copies."""
        return azure_region.regions(node)

    def labelled(self, node: Node) -> Node:
        """A hub takes no tags: its namespace's are its own."""
        return self.places.owner(node) or node if node.type == HUB else node

    def classification(self, node: Node) -> str | None:
        """A namespace of plaintext may hold hubs without: those that a transform writes."""
        said = self.labelled(node).tag(CLASS)
        written = said == RESTRICTED and any(node in one.writes for one in self.transforms)
        return CONFIDENTIAL if written else said

    def open_to_warehouse(self, zone: Node) -> bool:
        """It comes as a principal of the tenant, once an administrator has consented to it."""
        return azure_access.read_from_outside(self.places, zone, self.held)

    @property
    def runtimes(self) -> tuple[tuple[Node, str], ...]:
        """The stacks of apps, and the versions of their hosts."""
        return tuple((app, name) for app in self.graph.of(APP) for name in azure_flow.runs(self.graph, app))

    @cached_property
    def places(self) -> Places:
        """Where the resources lie."""
        return Places(self.graph)

    @cached_property
    def held(self) -> tuple[Right, ...]:
        """The roles that are held."""
        return rights(self.graph)

    @cached_property
    def streams(self) -> tuple[Node, ...]:
        """Event Hubs."""
        return tuple(self.graph.of(HUB))

    @cached_property
    def transforms(self) -> tuple[Transform, ...]:
        """Function apps."""
        return tuple(azure_flow.transforms(self.graph, self.places, self.held))

    @cached_property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Capture of hubs."""
        read = azure_flow.read_by_warehouse(self.graph, self.places)
        return tuple(
            azure_flow.delivery(self.graph, self.places, hub, zone)
            for hub in azure_flow.captures(self.graph)
            for zone in azure_flow.zones(self.places, hub)
            if zone in read or self.personal(zone) or self.personal(hub)
        )

    @cached_property
    def readers(self) -> tuple[Access, ...]:
        """Roles, keys, consumer groups, Capture."""
        return tuple(azure_access.readers(self.graph, self.places, self.held, self.transforms))

    @cached_property
    def writers(self) -> tuple[Access, ...]:
        """Roles, keys, Event Grid."""
        return tuple(azure_access.writers(self.graph, self.places, self.held))

    @cached_property
    def zone_writers(self) -> tuple[Access, ...]:
        """Roles, and objects of the program's own."""
        return tuple(azure_access.zone_writers(self.graph, self.places, self.deliveries, self.held))

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """What apps say of trying again."""
        return tuple(azure_flow.failure(self.graph, one) for one in self.transforms)

    @cached_property
    def guards(self) -> tuple[Guard, ...]:
        """Locks of versions, and what else opens an account than a role."""
        return tuple(azure_guard.guards(self.graph, self.places, self.deliveries))

    @cached_property
    def keys(self) -> tuple[Node, ...]:
        """Keys of Key Vault that transforms wrap data keys with."""
        found = (
            key for one in self.transforms for key in azure_flow.keys(self.graph, self.places, one, self.held)
        )
        return tuple(dict.fromkeys(found))

    @cached_property
    def plaintext(self) -> tuple[Plaintext, ...]:
        """Roles, and the policies of vaults."""
        return tuple(azure_access.plaintext(self.graph, self.places, self.keys, self.held))

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """The accounts' queues, behind Event Grid."""
        return tuple(azure_watch.channels(self.graph, self.places))

    @cached_property
    def pipes(self) -> tuple[Pipe, ...]:
        """Pipes over external stages on Azure."""
        return tuple(
            pipes(
                self.graph,
                lambda stage: azure_flow.staged(self.graph, self.places, stage),
                lambda pipe: azure_watch.listening(self.graph, self.places, pipe),
            )
        )

    @cached_property
    def queues(self) -> tuple[Queue, ...]:
        """Storage queues that are told of something."""
        return tuple(azure_watch.queues(self.graph, self.places))

    @cached_property
    def signs(self) -> Mapping[Node, frozenset[Sign]]:
        """Alerts on metrics and on what logs say."""
        return azure_watch.signs(self.graph, self.places)
