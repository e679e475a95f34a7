"""The addresses that the `http` task may connect to: public ones, and those that `ORCHESTRATOR_HTTP_ALLOW` lists.

A workflow's author picks the URL, and the worker stands inside the network: without a guard, a job could read the
cloud's metadata service or an internal admin page.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import cache, partial

from orchestrator.egress import Address, JudgedTransport, addresses_of, unwrapped
from orchestrator.model.errors import SettingsError
from orchestrator_tasks.errors import HttpFailed, Refused

NAME = "orchestrator.http"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class GuardedTransport(JudgedTransport):
    """The transport of httpx, which connects only to where a job may connect, also after redirects."""

    def __init__(self, allow: tuple[str, ...], *, verify: bool) -> None:
        super().__init__(partial(judge, allow=allow), verify=verify)


def judge(host: str, port: int, allow: tuple[str, ...]) -> Address:
    """Return the address to connect to.

    Raises:
        Refused: the worker allows no address of the host.
        HttpFailed: the host has no address.
    """
    names, networks = _rules(allow)
    try:
        addresses = addresses_of(host, port)
    except (OSError, UnicodeError) as error:
        raise HttpFailed(f"no address for {host!r}: {error}", where=NAME) from None
    by_name = any(_is_named(host.lower().rstrip("."), name) for name in names)
    for address in addresses:
        if by_name or is_public(address) or any(unwrapped(address) in network for network in networks):
            return address
    raise Refused(
        f"{host!r} is the private address {addresses[0]}",
        where=NAME,
        remedy="the worker's ORCHESTRATOR_HTTP_ALLOW lists the private hosts and networks that jobs may reach",
    )


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, whatever it is wrapped in."""
    plain = unwrapped(address)
    return plain.is_global and not plain.is_multicast


def _is_named(host: str, rule: str) -> bool:
    return host.endswith(rule[1:]) if rule.startswith("*.") else host == rule


@cache
def _rules(allow: tuple[str, ...]) -> tuple[Sequence[str], Sequence[Network]]:
    """Split the list into host names and networks."""
    names: list[str] = []
    networks: list[Network] = []
    for entry in allow:
        if any(character.isalpha() for character in entry) and ":" not in entry:
            names.append(entry.lower())
            continue
        try:
            networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
        except ValueError as error:
            raise SettingsError(
                f"{entry!r} is no host, address or network: {error}",
                where="ORCHESTRATOR_HTTP_ALLOW",
                remedy="such as api.internal,*.svc.local,10.1.0.0/16,::1",
            ) from None
    return names, networks
