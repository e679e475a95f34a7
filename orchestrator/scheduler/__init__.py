"""The scheduler process: its duties, the sources that it watches, the runs that it starts."""
