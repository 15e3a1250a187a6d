"""Reads a TAXII server as its users would: taxii2-client fetches, stix2 and pySigma parse, the OASIS validator judges.

usage: read.py URL TOKEN COLLECTION PAGE [ADDED_AFTER]; prints one JSON object.
"""

import json
import sys

import stix2
from sigma.collection import SigmaCollection
from stix2validator import ValidationOptions, validate_parsed_json
from taxii2client.v21 import Server, as_pages

url, token, alias, page = sys.argv[1:5]
after = sys.argv[5] if len(sys.argv) > 5 else None
server = Server(url, user="anybody", password=token)
root = server.default
collection = next(one for one in root.collections if one.alias == alias)
wanted = {"added_after": after} if after else {}
objects = [
    one
    for envelope in as_pages(collection.get_objects, per_request=int(page), **wanted)
    for one in envelope.get("objects", [])
]
manifest = [
    one
    for envelope in as_pages(collection.get_manifest, per_request=int(page), **wanted)
    for one in envelope.get("objects", [])
]
bundle = {"type": "bundle", "id": "bundle--1f5e2a9c-0f3d-4c55-9d6a-9f6bb6c2a001", "objects": objects}
result = validate_parsed_json(bundle, ValidationOptions(version="2.1"))
parsed = stix2.parse(json.dumps(bundle), allow_custom=False) if objects else None
indicators = [one for one in objects if one["type"] == "indicator"]
one = collection.get_object(indicators[0]["id"])["objects"] if indicators else []
rules = [each["pattern"] for each in indicators if each["pattern_type"] == "sigma"]
sigma = [rule.title for text in rules for rule in SigmaCollection.from_yaml(text).rules]
versions = collection.object_versions(indicators[0]["id"])["versions"] if indicators else []
print(
    json.dumps(
        {
            "title": server.title,
            "canRead": collection.can_read,
            "canWrite": collection.can_write,
            "objects": [each["id"] for each in objects],
            "added": [each["date_added"] for each in manifest],
            "manifest": [each["id"] for each in manifest],
            "revoked": [each["id"] for each in objects if each.get("revoked")],
            "patterns": [each["pattern"] for each in indicators],
            "one": one == indicators[:1],
            "versions": versions,
            "sigma": sigma,
            "parsed": len(parsed.objects) if parsed else 0,
            "errors": [str(each) for each in getattr(result, "errors", [])],
            "isValid": bool(result.is_valid) if objects else True,
        }
    )
)
