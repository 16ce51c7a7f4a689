"""A typical client in Python: httpx, base64, JSON.

It exports once for each line on standard input. It writes the duration in seconds, and the size of
the result, to standard output.
"""

import base64
import json
import sys
import time

import httpx

url = sys.argv[1]
body = {
    "param": {"search": {"1_call": {"callid": ["000000000000@192.0.2.10"]}}},
    "timestamp": {"from": 1795168800000, "to": 1795169100000},
}
with httpx.Client(timeout=120) as client:
    for _ in sys.stdin:
        begin = time.perf_counter()
        response = client.post(url, json=body)
        response.raise_for_status()
        capture = response.content
        encoded = base64.b64encode(capture).decode()
        result = json.dumps({"pcap_base64": encoded, "size": len(capture)})
        print(time.perf_counter() - begin, len(result), flush=True)
