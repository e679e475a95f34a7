"""The state machine: Redis holds the truth, and one script makes each transition."""
