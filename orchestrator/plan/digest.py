"""The address of a plan: the same content has the same digest, on every machine and in every version of Python.

What counts is what a run can show: the head, and of each job in its order the name, spec, route, class, number and the
jobs it waits for. The order of a document's fields and of keyword arguments does not count, nor the order of
`after`, nor whether a dependency that an argument makes is named again in `after`. The order of jobs counts, since it
numbers them; so does the order of keys in a dict that is an argument or part of one, since the task can see it.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Iterable, Sequence

from orchestrator.plan.plan import PlannedJob

DIGEST_LENGTH = 32
"""Hex digits kept of the SHA-256: 128 bits."""
_FORMAT = b"orchestrator plan 1\n"


def digest_of(
    head: bytes, names: Sequence[str], specs: Sequence[bytes], routes: Sequence[str], jobs: Sequence[PlannedJob]
) -> str:
    """Return the digest of a plan's content."""
    sha = hashlib.sha256(_FORMAT)
    for part in ([head], (name.encode() for name in names), specs, (route.encode() for route in routes)):
        _feed(sha, part)
    numbers = array("Q")
    for job in jobs:
        numbers.extend((job.spec, job.route, job.priority, job.rank, len(job.successors)))
        numbers.extend(job.successors)
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        numbers.byteswap()
    sha.update(numbers.tobytes())
    return sha.hexdigest()[:DIGEST_LENGTH]


def _feed(sha: hashlib._Hash, parts: Iterable[bytes]) -> None:
    """Add texts so that no two lists of them look alike: each with its length before it, the number at the end."""
    count = 0
    for part in parts:
        count += 1
        sha.update(b"%d:" % len(part))
        sha.update(part)
    sha.update(b"#%d\n" % count)
