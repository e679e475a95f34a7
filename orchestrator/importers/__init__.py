"""Converters: crontabs and the schedules of Celery beat to workflow documents, recorded traces to workflows.

They are pure. An `Imported` names each part of a crontab or of a beat schedule that cannot be converted.
"""
