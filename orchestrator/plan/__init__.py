"""From a definition to what a run executes, and back: checks, compiles, numbers, renders."""
