"""Reads a MISP feed as MISP does, with pymisp; prints one JSON object.

usage: feed.py FOLDER
"""

import hashlib
import json
import pathlib
import sys

from pymisp import MISPEvent

folder = pathlib.Path(sys.argv[1])
manifest = json.loads((folder / "manifest.json").read_text())
hashes = dict(line.split(",") for line in (folder / "hashes.csv").read_text().splitlines())
attributes = []
faults = []
for uuid, head in manifest.items():
    event = MISPEvent()
    event.load_file(str(folder / f"{uuid}.json"))
    if event.manifest[uuid]["timestamp"] != int(head["timestamp"]) or event.info != head["info"]:
        faults.append(f"{uuid}: event and manifest differ")
    for one in event.attributes:
        attributes.append([one.type, one.value, bool(one.to_ids), bool(one.get("deleted"))])
        digest = hashlib.md5(one.value.encode()).hexdigest()
        if not one.get("deleted") and hashes.get(digest) != uuid:
            faults.append(f"{one.value}: not in hashes.csv")
    event.to_feed(with_meta=True)
print(json.dumps({"events": len(manifest), "attributes": attributes, "faults": faults}))
