"""The transitions of the state: one class a script, by subject, each with its declared replies. No I/O.

`Store.run` and `AsyncStore.run` are the only two drivers.
"""
