"""Wall time and memory of a child process, apart from each other: sampling memory costs time, so a timed run is not sampled."""

import os
import shutil
import subprocess
import tempfile
import time


class Failed(Exception):
    pass


def checked(code, arguments, errors):
    if code != 0:
        last = (errors.strip().splitlines() or ["no message"])[-1]
        raise Failed(f"{arguments[0]} {arguments[1] if len(arguments) > 1 else ''}: status {code}: {last}")


def timed(arguments):
    """Seconds from start to exit."""
    program = shutil.which(arguments[0]) or arguments[0]
    with tempfile.TemporaryFile() as errors:
        actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_DUP2, errors.fileno(), 2)]
        # `subprocess` would add a millisecond of its own, which counts where the program takes ten.
        start = time.perf_counter()
        process = os.posix_spawn(program, arguments, os.environ, file_actions=actions)
        _, code = os.waitpid(process, 0)
        seconds = time.perf_counter() - start
        errors.seek(0)
        checked(os.waitstatus_to_exitcode(code), arguments, errors.read().decode(errors="replace"))
    return seconds


def status(process):
    with open(f"/proc/{process}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return {name: int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssShmem", "VmHWM") if name in fields}


def memory(arguments, interval=0.002):
    """Peaks in bytes.

    own       anonymous and shared memory: what the process holds itself. Pages of mapped files are the system's cache and
              are not in it. Sampled.
    resident  the kernel's high-water mark (VmHWM), mapped file pages included, at the last sample before the exit.
              ru_maxrss would be exact, but it is never less than what the launcher held when it started the child.
    """
    peak = {"own": 0, "resident": 0}
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        try:
            now = status(process.pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        peak["own"] = max(peak["own"], now.get("RssAnon", 0) + now.get("RssShmem", 0))
        peak["resident"] = max(peak["resident"], now.get("VmHWM", 0))
        if interval:
            time.sleep(interval)
    checked(process.returncode, arguments, process.stderr.read())
    return peak
