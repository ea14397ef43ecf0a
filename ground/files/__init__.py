"""The durable-write seam: every write that must survive a power cut goes through `files()`.

Imports no Django: the key process uses it too.
"""

from ground.files.fs import AppendFile, Fs, NewFile, files, use

__all__ = ["AppendFile", "Fs", "NewFile", "files", "use"]
