"""Where a poll may connect to: anywhere but the addresses that no service of the user's has.

Whoever may write triggers may write jobs, and most of what sensors watch stands in private networks: those, and this
host, are allowed. Link-local addresses are not, nor the other homes of cloud metadata services, which hand out the
machine's own credentials. A name is resolved once, and the connection goes to the very address that was judged.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from functools import cache

import httpx

from orchestrator.model.errors import Unavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254")))
"""Besides 169.254.0.0/16 and fe80::/10, which are link-local: Alibaba's, Oracle's, Azure's, Amazon's by IPv6."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Guarded(httpx.BaseTransport):
    """httpx's own transport, to addresses that were judged."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport(verify=_trust(), trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the judged address, under the name that it was made for (Host, TLS)."""
        host = request.url.host
        address = judged(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        return self._inner.handle_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
        )

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def judged(host: str, port: int) -> Address:
    """Return the address to connect to; `Unavailable` if there is none, or none that a poll may reach."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"no address for {host!r}: {error}") from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        if may_reach(address):
            return address
    raise Unavailable(f"{host!r} is {addresses[0]}, which a trigger may not reach")


def may_reach(address: Address) -> bool:
    """Tell whether a poll may connect to an address, whatever it is wrapped in."""
    plain = _unwrapped(address)
    never = plain.is_link_local or plain.is_multicast or plain.is_unspecified
    return not never and plain not in _METADATA


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64), else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


@cache
def _trust() -> ssl.SSLContext:
    """Read the certificate authorities once: that takes longer than most requests."""
    return httpx.create_ssl_context(trust_env=False)
