"""The sources that schedulers watch for triggers: one module a source, imported when a trigger has it.

`files`, `http` and `sql` are asked now and then (`polls`), messages of `redis_stream`, `rabbitmq` and `kafka` are read
as they come (`listeners`). What either finds is delivered as the trigger's own topic, once by its id.
"""
