"""Saves the capture of one call in a file, with either component.

Usage: call.py COMPONENT CALL-ID FROM-MS TO-MS
"""

import base64
import json
import os
import sys
import threading
from pathlib import Path

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Variant

# Longest duration of an export in seconds, and most memory of the component in bytes.
DEADLINE_S = 300
MEMORY_BYTES = 64 << 20

_, file, callid, from_ms, to_ms = sys.argv

config = Config()
config.epoch_interruption = True
engine = Engine(config)
linker = Linker(engine)
linker.add_wasip2()
linker.add_wasi_http()
store = Store(engine)
wasi = WasiConfig()
# Only the variables of the component, and not the others of this process.
wasi.env = [(name, value) for name, value in os.environ.items() if name.startswith("HOMER_")]
store.set_wasi(wasi)
store.set_wasi_http()
store.set_limits(memory_size=MEMORY_BYTES)
store.set_epoch_deadline(1)
deadline = threading.Timer(DEADLINE_S, engine.increment_epoch)
deadline.daemon = True
deadline.start()

instance = linker.instantiate(store, Component.from_file(engine, file))
interface = instance.get_export_index(store, "homer:capture/homer-export@0.2.0")
if interface is not None:  # homer-export.wasm
    export = instance.get_func(store, instance.get_export_index(store, "export-pcap", interface))
    result = export(store, callid, int(from_ms), int(to_ms))
    if isinstance(result, Variant):  # an error: its case, with a text or a record
        sys.exit(f"{result.tag}: {getattr(result.payload, 'message', result.payload)}")
    filename, data = result.filename, result.data
    report = result.report
    summary = f"{report.packets} packets in {len(data)} bytes, complete: {report.complete}"
else:  # homer-export-tool.wasm
    result = instance.get_func(store, "homer-export-pcap")(store, callid, int(from_ms), int(to_ms))
    if result.tag == "err":
        sys.exit(result.payload)
    result = json.loads(result.payload)
    filename, summary = result["filename"], result["summary"]
    data = None if result["pcap_base64"] is None else base64.b64decode(result["pcap_base64"])

if data is not None:
    # The file gets its name when it is complete. Only its owner can read it.
    part = Path(f"{filename}.part")
    part.touch(mode=0o600)
    part.write_bytes(data)
    part.rename(filename)
print(f"{filename if data is not None else 'no file'}: {summary}")
