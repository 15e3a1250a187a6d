"""Publishes a detection over HTTP. ANAMNESIS_TOKEN=... python3 publish.py http://127.0.0.1:8801"""
import json, os, sys, time, urllib.error, urllib.request, uuid

url = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8801") + "/api/v1/detections"
detection = {
    "anamnesis": "detection/1",  # must come first
    "time": time.time(),
    "rule": {"id": "coil-write", "name": "Write to a coil by a stranger"},
    "severity": 80,
    "attacker": {"address": "203.0.113.66", "port": 41822},
    "victim": {"address": "10.20.0.10", "port": 502},
    "modbusFunction": 5,
    "attackIds": ["T0855"],
}
request = urllib.request.Request(url, data=(json.dumps(detection) + "\n").encode(), headers={
    "Authorization": "Bearer " + os.environ.get("ANAMNESIS_TOKEN", ""),
    "Content-Type": "application/x-ndjson",
    "Idempotency-Key": str(uuid.uuid4()),  # the same for every attempt: it counts once
})
for pause in (0.2, 1, 5, None):
    try:
        print(json.load(urllib.request.urlopen(request, timeout=30)))
        break
    except urllib.error.HTTPError as error:
        if error.code not in (429, 502, 503, 504, 507) or pause is None:
            sys.exit(error.read().decode())
    except (urllib.error.URLError, TimeoutError) as error:
        if pause is None:
            sys.exit(str(error))
    time.sleep(pause)
