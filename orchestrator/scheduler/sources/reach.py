"""Where a poll may connect to: anywhere but the addresses that no service of the user's has.

Whoever may write triggers may write jobs, and most of what sensors watch stands in private networks: those, and this
host, are allowed. Link-local addresses are not, nor the other homes of cloud metadata services, which give out the
machine's own credentials.
"""

from __future__ import annotations

import ipaddress
import ssl
from functools import cache

import httpx

from orchestrator.egress import Address, JudgedTransport, addresses_of, unwrapped
from orchestrator.model.errors import Unavailable

_METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254")))
"""Besides 169.254.0.0/16 and fe80::/10, which are link-local: Alibaba's, Oracle's, Azure's, Amazon's by IPv6."""


class Guarded(JudgedTransport):
    """httpx's own transport, to where a poll may connect."""

    def __init__(self) -> None:
        super().__init__(judged, verify=_trust(), trust_env=False)


def judged(host: str, port: int) -> Address:
    """Return the address to connect to.

    Raises:
        Unavailable: the name has no address, or none that a poll may reach.
    """
    try:
        addresses = addresses_of(host, port)
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"no address for {host!r}: {error}") from None
    for address in addresses:
        if may_reach(address):
            return address
    raise Unavailable(f"{host!r} is {addresses[0]}, which a trigger may not reach")


def may_reach(address: Address) -> bool:
    """Tell whether a poll may connect to an address. IPv4 addresses inside IPv6 ones are unwrapped first."""
    plain = unwrapped(address)
    never = plain.is_link_local or plain.is_multicast or plain.is_unspecified
    return not never and plain not in _METADATA


@cache
def _trust() -> ssl.SSLContext:
    """Read the certificate authorities once: that takes longer than most requests."""
    return httpx.create_ssl_context(trust_env=False)
