"""Plain data that people write by hand: frozen, without unknown fields, and with errors of one line."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.model.errors import DefinitionError


def _for_editors(schema: dict[str, Any]) -> None:
    """Leave out of a JSON schema's description which errors the class raises."""
    schema["description"] = schema.get("description", "").partition("\n\nRaises ")[0]


class Data(BaseModel):
    """Plain data.

    Raises DefinitionError for the first value that is wrong, with its place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_for_editors)
    noun: ClassVar[str]
    """The name of such data in that line."""

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(step) for step in first["loc"])
            what = first["msg"].removeprefix("Value error, ")
            raise DefinitionError(f"the {self.noun} is not valid: {what}", where=where or None) from None
