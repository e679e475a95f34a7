"""Permits: the names of the broker's queues, and the messages that wake a worker. The only user of kombu's producer."""
