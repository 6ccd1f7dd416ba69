"""Holds `isomer scan --sarif` to the published schema of SARIF 2.1.0.

    python Tools/Goldens/sarif_check.py ISOMER SCHEMA FOLDER

SCHEMA is sarif-2.1/schema/sarif-schema-2.1.0.json of github.com/oasis-tcs/sarif-spec; FOLDER holds what is scanned, the corpus of
Fixtures/scan for example, and names that are no text are added. Pinned: jsonschema 4.26.0.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse

import jsonschema

isomer, schema, folder = sys.argv[1:]
with tempfile.TemporaryDirectory() as place:
    odd = os.path.join(os.fsencode(place), b"a \xff\x1b[31m%\n#?.pkl")
    pathlib.Path(os.fsdecode(odd)).write_bytes(b"cos\nsystem\n(S'\x1b[2J'\ntR.")
    run = subprocess.run([isomer, "scan", folder, place, "/nowhere", "--sarif", "--quiet"], capture_output=True)
    assert b"\x1b" not in run.stdout + run.stderr
    log = json.loads(run.stdout)
    jsonschema.Draft4Validator(json.loads(pathlib.Path(schema).read_text())).validate(log)
    results = log["runs"][0]["results"]
    rules = {rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results]
    assert all(result["ruleId"] in rules for result in results)
    assert any(urllib.parse.unquote_to_bytes(uri.removeprefix("file://")) == odd for uri in places)
    for uri in set(places):
        path = urllib.parse.unquote_to_bytes(uri.removeprefix("file://"))
        assert os.path.exists(path) or path == b"/nowhere", uri
print(f"{len(results)} results on {len(set(places))} files: the schema accepts them, every address leads to its file")
