"""Webhooks: other systems' signed messages."""
