"""Runs picklescan, modelscan and fickling beside `isomer scan` over the corpus of scan_corpus.py, and writes the table of verdicts.

    python Tools/Goldens/scan_verdicts.py CORPUS ISOMER Fixtures/scan/verdicts.tsv.gz

Versions in requirements.txt (picklescan 1.0.5, modelscan 0.8.8, fickling 0.1.12). A line: the file, what it must be judged, then isomer's verdict
and the three others': flagged, quiet, or error. fickling is given what it reads: pickles, and the members of zip archives that end in .pkl.
"""

import collections
import contextlib
import gzip
import io
import json
import logging
import pathlib
import subprocess
import sys
import zipfile

corpus, isomer, target = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
index = dict(line.split("\t") for line in (corpus / "index.tsv").read_text().splitlines())
logging.disable(logging.CRITICAL)


def ours():
    run = subprocess.run([isomer, "scan", str(corpus), "--json"], capture_output=True)
    assert run.returncode == 1, run
    return {pathlib.Path(file["path"]).name: file["verdict"] for file in json.loads(run.stdout)["files"]}


def quietly(function, path):
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return "flagged" if function(path) else "quiet"
    except Exception:
        return "error"
    except BaseException:
        return "error"


def picklescan(path):
    from picklescan.scanner import scan_file_path

    result = scan_file_path(str(path))
    if result.scan_err and not result.infected_files:
        raise ValueError
    return result.infected_files > 0


def modelscan(path):
    from modelscan.modelscan import ModelScan

    scan = ModelScan()
    result = scan.scan(str(path))
    if result["summary"]["total_issues"] == 0 and result.get("errors"):
        raise ValueError
    return result["summary"]["total_issues"] > 0


def fickling(path):
    from fickling.analysis import Severity, check_safety
    from fickling.fickle import StackedPickle

    streams = []
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            streams = [archive.read(name) for name in archive.namelist() if name.endswith(".pkl")]
    else:
        streams = [path.read_bytes()]
    found = False
    for stream in streams:
        for pickled in StackedPickle.load(io.BytesIO(stream)):
            found = found or check_safety(pickled).severity > Severity.LIKELY_SAFE
    return found


verdicts = ours()
rows, counts = [], collections.Counter()
for name, expected in sorted(index.items()):
    others = [quietly(scanner, corpus / name) for scanner in (picklescan, modelscan, fickling)]
    rows.append((name, expected, verdicts[name], *others))
    group = "honest" if expected == "fine" else "hostile"
    counts[group, "all"] += 1
    counts[group, "isomer", "dangerous" if verdicts[name] == "dangerous" else "not safe" if verdicts[name] != "safe" else "safe"] += 1
    for scanner, verdict in zip(("picklescan", "modelscan", "fickling"), others):
        counts[group, scanner, verdict] += 1
table = "# file\texpected\tisomer\tpicklescan\tmodelscan\tfickling\n" + "".join("\t".join(row) + "\n" for row in rows)
target.write_bytes(gzip.compress(table.encode(), 9, mtime=0))
for key, count in sorted(counts.items()):
    print(*key, count)
