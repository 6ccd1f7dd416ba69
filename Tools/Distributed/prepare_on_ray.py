"""Runs `isomer prepare` on every machine of a Ray cluster.

    python prepare_on_ray.py --shards 64 -- isomer prepare PHOTOS --output SET --size 512

Input and output must be reachable under the same paths everywhere (a shared file system). The batch is cut into shards by the hash of each
picture's content; each shard is a Ray task that runs the command with `--shard I/N`. A task whose worker dies is started again, by Ray,
anywhere: what it had finished is in its manifest and is not done twice. At the end the shards' manifests and caption files are joined, so
that the folder is the same, byte for byte, as after a run on one machine.

Exit status: 0 done; 1 some pictures could not be used; 2 a shard could not be done.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path


def run_shard(command: list[str], index: int, count: int) -> tuple[int, str]:
    """One shard, in whatever process Ray gives it. Returns the command's status and what it said."""
    # A worker that is killed takes its command with it: two commands must not write one shard's manifest.
    result = subprocess.run(
        [*command, "--shard", f"{index}/{count}", "--quiet", "--json"], capture_output=True, text=True, preexec_fn=die_with_parent
    )
    return result.returncode, result.stderr[-4000:]


def die_with_parent() -> None:
    """Linux: the kernel ends this process when its parent ends."""
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def output_of(command: list[str]) -> Path:
    """The folder that the command writes to."""
    for place, word in enumerate(command):
        if word in ("-o", "--output") and place + 1 < len(command):
            return Path(command[place + 1])
        if word.startswith("--output="):
            return Path(word.split("=", 1)[1])
    raise SystemExit("the command has no --output")


def input_key(line: bytes) -> bytes:
    return json.loads(line)["input"].encode()


def join(folder: Path, count: int) -> None:
    """Makes one manifest and one caption file of the shards', in the order in which one machine writes them, and removes the parts."""
    parts = [folder / f"manifest-{i}-of-{count}.jsonl" for i in range(1, count + 1)]
    head, lines = b"", []
    for part in parts:
        with part.open("rb") as file:
            head = file.readline()
            lines.extend(file)
    lines.sort(key=input_key)
    replace(folder / "manifest.jsonl", head + b"".join(lines))

    # Captions follow the manifest: each output belongs to one input.
    order = {}
    for place, line in enumerate(lines):
        for number, output in enumerate(json.loads(line).get("outputs", [])):
            order[output["file"]] = (place, number)
    captions = [folder / f"metadata-{i}-of-{count}.jsonl" for i in range(1, count + 1)]
    if all(path.exists() for path in captions):
        texts = [line for path in captions for line in path.read_bytes().splitlines(keepends=True)]
        texts.sort(key=lambda line: order[json.loads(line)["file_name"]])
        replace(folder / "metadata.jsonl", b"".join(texts))
        parts += captions
    tables = [folder / f"meta-{i}-of-{count}.json" for i in range(1, count + 1)]
    if all(path.exists() for path in tables):
        rows = [line.rstrip(b",\n") for path in tables for line in path.read_bytes().splitlines() if line.startswith(b"  ")]
        rows.sort(key=lambda row: order[next(iter(json.loads(b"{" + row + b"}")))])
        replace(folder / "meta.json", b"{" + (b"\n" + b",\n".join(rows) if rows else b"") + b"\n}\n")
        parts += tables
    for part in parts:
        part.unlink()


def replace(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--address", help="the cluster's address; without it, one is started on this machine")
    parser.add_argument("--shards", type=int, default=64, help="parts of the batch; several for each processor (default: 64)")
    parser.add_argument("--cpus", type=float, default=1, help="processors for each shard (default: 1)")
    parser.add_argument("--retries", type=int, default=5, help="how often a shard whose worker died is started again (default: 5)")
    parser.add_argument("command", nargs="+", help="the command, after --")
    arguments = parser.parse_args()
    if arguments.shards < 1:
        parser.error("--shards is at least 1")
    command = arguments.command
    if "--layout" in command and command[command.index("--layout") + 1] == "webdataset":
        parser.error("webdataset archives of shards stay one for each shard: run the shards yourself, and give all archives to the trainer")
    if not any(word == "--threads" or word.startswith("--threads=") for word in command):
        command = [*command, "--threads", str(max(1, int(arguments.cpus)))]

    import ray

    ray.init(address=arguments.address, log_to_driver=False)
    task = ray.remote(num_cpus=arguments.cpus, max_retries=arguments.retries)(run_shard)
    waiting = {task.remote(command, i, arguments.shards): i for i in range(1, arguments.shards + 1)}
    worst = 0
    while waiting:
        (ready,), _ = ray.wait(list(waiting))
        index = waiting.pop(ready)
        status, said = ray.get(ready)
        sys.stderr.write(said)
        print(f"shard {index}/{arguments.shards}: status {status}, {len(waiting)} left", file=sys.stderr, flush=True)
        worst = max(worst, 0 if status == 0 else 1 if status == 1 else 2)
    if worst < 2:
        join(output_of(command), arguments.shards)
    return worst


if __name__ == "__main__":
    raise SystemExit(main())
