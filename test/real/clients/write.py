"""Writes what stix2 makes into a TAXII collection with taxii2-client.

usage: write.py URL TOKEN ADDRESS…; prints the status as JSON.
"""

import json
import sys

import stix2
from taxii2client.v21 import Server

url, token, *addresses = sys.argv[1:]
author = stix2.Identity(name="A CERT", identity_class="organization")
indicators = [
    stix2.Indicator(
        name=f"Scanner {address}",
        pattern=f"[ipv4-addr:value = '{address}']",
        pattern_type="stix",
        valid_from="2026-01-01T00:00:00Z",
        created_by_ref=author.id,
        object_marking_refs=[stix2.TLP_GREEN],
        confidence=75,
    )
    for address in addresses
]
root = Server(url, user="anybody", password=token).default
collection = next(one for one in root.collections if one.alias == "proposals")
envelope = {"objects": [json.loads(one.serialize()) for one in [author, stix2.TLP_GREEN, *indicators]]}
status = collection.add_objects(envelope)
again = root.get_status(status.id)
print(
    json.dumps(
        {
            "status": again.status,
            "total": again.total_count,
            "taken": [one["id"].split("--")[0] for one in again.successes],
            "refused": [one["message"] for one in again.failures],
        }
    )
)
