"""Makes documents.json: `python -m tests.vectors.make_documents`. Every run gives new keys and new texts.

Provenance: all documents, keys and faults are made by this script with the project's own code, the faults by
forge.py, which signs and seals anew around each. Published vectors of others are used in place, from the
`cryptography-vectors` package, by tests/sealing/test_published_vectors.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cryptography

from tests.vectors import faults_journey, faults_people, faults_text, faults_transfer
from tests.vectors.forge import Collector
from tests.vectors.scene import Scene

FILE = Path(__file__).with_name("documents.json")


def make() -> dict[str, Any]:
    """A fresh set: world, good documents, vectors of one fault each."""
    scene, to = Scene(), Collector()
    for faults in (faults_text, faults_journey, faults_transfer, faults_people):
        faults.add_all(to, scene)
    return {
        "provenance": {
            "script": "tests/vectors/make_documents.py",
            "library": f"cryptography {cryptography.__version__}",
            "keys": "made for these vectors by the script; they protect nothing",
        },
        "world": scene.world(),
        "good": scene.good(),
        "vectors": to.vectors,
    }


if __name__ == "__main__":
    made = make()
    FILE.write_text(json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    print(f"{len(made['vectors'])} vectors, {len(made['good'])} good documents, {FILE.stat().st_size} bytes")
