"""The HTTP face: health checks, and the hooks by which other systems start runs."""
