"""Pure planning: which planned times run, which triggers a delivery concerns, and what of both is stored."""
