"""What starts runs, as values: schedules, triggers, and the sources of events."""
