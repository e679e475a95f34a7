"""Converters: crontabs and the schedules of Celery beat, as workflow documents with schedules.

They are pure: text or data in, an `Imported` out. What cannot be converted is named in it, and never dropped silently.
"""
