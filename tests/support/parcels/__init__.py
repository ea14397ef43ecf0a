"""An app that only tests install (`tests.support.streams.installed`): rows with a field of every type, and
the history of a schema that an older release did not have yet.
"""
