"""The address of a plan: the same content has the same digest, on every machine and in every version of Python.

The digest covers what a run can show: the head, and of each job in its order the name, spec, route, priority, rank and
the jobs that wait for it. It does not depend on the order of fields in a document, of keyword arguments or of `after`,
nor on whether `after` repeats a dependency that an argument makes. It depends on the order of jobs, since that numbers
them, and on the order of keys in a dict that is an argument or part of one, since the task can see it.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Iterable, Sequence

from orchestrator.plan.plan import PlannedJob

DIGEST_LENGTH = 32
"""The hex digits that are kept of the SHA-256: 128 bits."""
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
    """Add a list of texts, each after its length, and then their number: so no two lists give the same bytes."""
    count = 0
    for part in parts:
        count += 1
        sha.update(b"%d:" % len(part))
        sha.update(part)
    sha.update(b"#%d\n" % count)
