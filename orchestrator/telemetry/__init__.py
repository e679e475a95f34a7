"""What leaves the engine for those who watch it. Stands on `model` alone."""
