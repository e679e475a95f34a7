"""Converters: crontabs and the schedules of Celery beat, as workflow documents with schedules.

They are pure: text or data in, an `Imported` out. It names each part of the source that cannot be converted.
"""
