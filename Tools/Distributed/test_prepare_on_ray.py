"""Two local workers, one of which is killed in the middle: nothing is lost, and the result is the one-machine run's, byte for byte.

    python test_prepare_on_ray.py ISOMER

with Ray (requirements.txt) installed and ISOMER the built command. Needs no picture of its own: it uses Fixtures/images.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

here = Path(__file__).resolve().parent
fixtures = here.parent.parent / "Fixtures" / "images"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def children(name: str) -> list[int]:
    """Processes whose command line has `--shard`, that belong to this test's own output folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if "--shard" in words and name in words:
                found.append(int(entry.name))
    return found


def main() -> int:
    isomer = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        photos = root / "photos"
        photos.mkdir()
        for copy in range(6):
            for number, path in enumerate(sorted((fixtures / "subjects").glob("*.jpg"))):
                # The same picture with other trailing bytes is another content, and falls to another shard.
                (photos / f"{copy}-{path.name}").write_bytes(path.read_bytes() + bytes([copy, number]))
                (photos / f"{copy}-{path.stem}.txt").write_text(f"picture {number}")
        (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
        options = ["--size", "384", "--layout", "imagefolder", "--mirror"]
        one, many = root / "one", root / "many"
        subprocess.run([isomer, "prepare", str(photos), "--output", str(one), *options, "--quiet"], stdout=subprocess.DEVNULL)
        runner = subprocess.Popen(
            [sys.executable, str(here / "prepare_on_ray.py"), "--shards", "5", "--", isomer, "prepare", str(photos), "--output", str(many), *options],
            env={**os.environ, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"},
        )
        killed = 0
        deadline = time.time() + 300
        while runner.poll() is None and time.time() < deadline:
            working = children(str(many))
            if working and killed < 2 and any(many.glob("*.png")):
                # The Ray worker, not only its command: its parent.
                status = Path(f"/proc/{working[0]}/stat").read_text().rsplit(")", 1)[1].split()
                os.kill(int(status[1]), signal.SIGKILL)
                killed += 1
                time.sleep(0.5)
            time.sleep(0.02)
        if runner.poll() is None:
            runner.kill()
            print("FAILED: the runner did not end")
            return 1
        expected, found = tree(one), tree(many)
        differing = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
        print(f"{len(expected)} files, {killed} workers killed, status {runner.returncode}, differing: {differing[:10]}")
        # 1: the broken picture is told of, as on one machine.
        ok = killed > 0 and runner.returncode == 1 and not differing
        print("passed" if ok else "FAILED")
        return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
