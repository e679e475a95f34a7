"""Pure data: states, policies, identifiers, definitions, errors. Knows the standard library and pydantic only."""
