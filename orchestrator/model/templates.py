"""The markers of templates: what stands in a job's arguments for a value that is known only when the job starts."""

from __future__ import annotations

OUTPUT, PARAM, RUN, LITERAL = "$output", "$param", "$run", "$literal"
MAX_DEPTH = 64
"""How deep arguments may nest."""
