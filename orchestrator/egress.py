"""Connections to addresses that were judged first: what keeps requests away from where they have no business.

A name is resolved once, and the connection goes to the very address that was judged: a second look-up could answer
otherwise. Each redirect comes through here again. Who may reach what is up to the caller's judge.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class JudgedTransport(httpx.BaseTransport):
    """httpx's own transport, to the address that `judge` returns for each host and port; it raises what judge raises.

    `verify` and `trust_env` are those of `httpx.HTTPTransport`.
    """

    def __init__(
        self, judge: Callable[[str, int], Address], *, verify: ssl.SSLContext | bool, trust_env: bool = True
    ) -> None:
        self._judge = judge
        self._inner = httpx.HTTPTransport(verify=verify, trust_env=trust_env)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the judged address, under the name that it was made for (Host, TLS)."""
        host = request.url.host
        address = self._judge(host, request.url.port or (443 if request.url.scheme == "https" else 80))
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


def addresses_of(host: str, port: int) -> list[Address]:
    """Resolve a name; an `OSError` or a `UnicodeError` says why it has no address."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64), else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
