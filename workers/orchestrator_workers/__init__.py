"""The stock fleet: a Celery app that runs what the task packs bring. `orchestrator worker` starts its workers."""
