"""The values that have a name of their own in documents: times, dates, definitions."""

from typing import Annotated, Any

Time = Annotated[str, "time"]
"""ISO 8601 in UTC with microseconds."""
LocalTime = Annotated[str, "local time"]
"""ISO 8601 with the offset of the zone, to the second."""
Date = Annotated[str, "date"]
"""ISO 8601."""
WorkflowDocument = Annotated[dict[str, Any], "workflow document"]
ScheduleDocument = Annotated[dict[str, Any], "definition of a schedule"]
TriggerDocument = Annotated[dict[str, Any], "definition of a trigger"]
CalendarDocument = Annotated[dict[str, Any], "definition of a calendar"]
JsonSchema = Annotated[dict[str, Any], "JSON Schema"]
