"""How people write workflows: the builder, references, decorators, Celery's canvas, documents."""
