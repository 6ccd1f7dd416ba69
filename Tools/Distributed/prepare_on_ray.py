"""Runs `isomer prepare` on every machine of a Ray cluster.

    python prepare_on_ray.py --shards 64 -- isomer prepare PHOTOS --output SET --size 512

Input and output must be reachable under the same paths everywhere (a shared file system). The batch is cut into shards by the hash of each
picture's content; each shard is a Ray task that runs the command with `--shard I/N`. A task whose worker dies is started again, by Ray,
anywhere: what it had finished is in its manifest and is not done twice. At the end the shards' manifests and caption files are joined, so
that the folder is the same, byte for byte, as after a run on one machine.

Exit status: 0 done; 1 some pictures could not be used; 2 a shard could not be done.
"""

import argparse
import contextlib
import heapq
import json
import os
import subprocess
import sys
from pathlib import Path


def run_shard(command: list[str], index: int, count: int) -> tuple[int, str]:
    """One shard, in whatever process Ray gives it. Returns the command's status and what it said."""
    # A worker that is killed takes its command with it: two commands must not write one shard's manifest.
    result = subprocess.run(
        [*command, "--shard", f"{index}/{count}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", preexec_fn=die_with_parent,
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


def records(path: Path, shard: int):
    """The lines of a shard's manifest, each behind what it is sorted by: shards are in the order of their inputs' names already."""
    with path.open("rb") as file:
        file.readline()
        for line in file:
            record = json.loads(line)
            captioned = len(record.get("outputs", [])) if record["status"] == "prepared" else 0
            yield record["input"].encode(), shard, captioned, line


def rows(path: Path):
    """The lines of a shard's captions: those of `meta.json` without what stands between members."""
    with path.open("rb") as file:
        for line in file:
            if path.suffix == ".jsonl":
                yield line
            elif line.startswith(b"  "):
                yield line.rstrip(b",\n")


def join(folder: Path, count: int) -> None:
    """Makes one manifest and one caption file of the shards', in the order in which one machine writes them, and removes the parts.

    Everything is read and written line by line: a million pictures need no more memory than ten.
    """
    def paths(name: str, ending: str) -> list[Path]:
        return [folder / f"{name}-{i}-of-{count}.{ending}" for i in range(1, count + 1)]

    manifests = paths("manifest", "jsonl")
    tables = [(name, ending, paths(name, ending)) for name, ending in (("metadata", "jsonl"), ("meta", "json"))]
    tables = [table for table in tables if all(path.exists() for path in table[2])]
    with contextlib.ExitStack() as stack:
        manifest = stack.enter_context(replacing(folder / "manifest.jsonl"))
        with manifests[0].open("rb") as file:
            manifest.write(file.readline())
        outputs = []
        for name, ending, parts in tables:
            output = stack.enter_context(replacing(folder / f"{name}.{ending}"))
            outputs.append((output, ending, [rows(part) for part in parts]))
            output.write(b"{" if ending == "json" else b"")
        is_first = True
        for _, shard, captioned, line in heapq.merge(*(records(path, shard) for shard, path in enumerate(manifests))):
            manifest.write(line)
            # Captions follow the manifest: one for each file that came out.
            for number in range(captioned):
                for output, ending, lines in outputs:
                    row = next(lines[shard])
                    output.write((b"\n" if is_first else b",\n") + row if ending == "json" else row)
                is_first = False
        for output, ending, _ in outputs:
            output.write(b"\n}\n" if ending == "json" else b"")
    for part in manifests + [path for table in tables for path in table[2]]:
        part.unlink()


@contextlib.contextmanager
def replacing(path: Path):
    """A file that appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
