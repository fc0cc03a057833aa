"""Data sources: who and where we are."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ..adapter import Inputs, Outputs, Place, invoke
from .client import Aws


@invoke("aws:index/getCallerIdentity:getCallerIdentity")
def caller_identity(place: Place, cloud: Aws | None, args: Inputs) -> Outputs:
    """Return the account."""
    if cloud is None:
        return {
            "accountId": place.account,
            "arn": place.arn("iam", "root", region=""),
            "userId": place.account,
            "id": place.account,
        }
    found: dict[str, Any] = cloud.ask("sts", "get_caller_identity")
    return {
        "accountId": found["Account"],
        "arn": found["Arn"],
        "userId": found["UserId"],
        "id": found["Account"],
    }


@invoke("aws:index/getRegion:getRegion")
def region(place: Place, cloud: Aws | None, args: Inputs) -> Outputs:
    """Return the region."""
    name = args.get("region") or args.get("name") or place.region
    return {
        "region": name,
        "name": name,
        "id": name,
        "description": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
    }


@invoke("aws:index/getPartition:getPartition")
def partition(place: Place, cloud: Aws | None, args: Inputs) -> Outputs:
    """Return the partition."""
    return {
        "partition": place.partition,
        "id": place.partition,
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


@invoke("aws:index/getService:getService")
def service(place: Place, cloud: Aws | None, args: Inputs) -> Outputs:
    """Return the host of a service: the emulator's, if there is one."""
    region, name = args.get("region") or place.region, args["serviceId"]
    return {
        "dnsName": urlsplit(cloud.endpoint).netloc if cloud else f"{name}.{region}.amazonaws.com",
        "serviceId": name,
        "region": region,
        "partition": place.partition,
        "reverseDnsName": f"com.amazonaws.{region}.{name}",
        "reverseDnsPrefix": "com.amazonaws",
        "supported": True,
        "id": f"com.amazonaws.{region}.{name}",
    }
