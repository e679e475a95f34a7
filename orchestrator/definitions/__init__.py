"""Definitions as files: read, compared with what a namespace has, and turned into the changes that make it so."""
