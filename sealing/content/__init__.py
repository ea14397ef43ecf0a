"""Formats of content: packs, recipes, manifests, headers, streams, spool segments.

Each module implements one page of docs/formats/ and cites its sections. Nothing here opens a file: readers
get a function that reads at an offset, writers one that takes bytes.
"""
