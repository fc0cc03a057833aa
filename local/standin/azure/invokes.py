"""Data sources: who and where we are."""

from __future__ import annotations

from typing import Any

from ..adapter import Inputs, Outputs, Place, invoke
from .client import DEPLOYER, SUBSCRIPTION, TENANT, guid


@invoke("azure-native:authorization:getClientConfig")
def client_config(place: Place, cloud: Any, args: Inputs) -> Outputs:
    """Return who deploys, and to which subscription."""
    return {
        "clientId": guid("client"),
        "objectId": DEPLOYER,
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
    }
