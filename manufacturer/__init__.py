"""The manufacturer's side: the desk (`registry`, `escrow`, `rma`) and, apart from it, `custody`.

The desk's rooms import each other downwards only (rma over escrow over registry). Nobody imports
`custody`, and `custody` imports none of them: the two meet in signed documents, carried over HTTP.
"""
