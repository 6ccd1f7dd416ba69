"""`isomer prepare` beside Pillow, libvips and OpenCV: a 12-megapixel JPEG to a 512×512 centre crop.

    python prepare.py ISOMER [PICTURES [ROUNDS]]     with Pillow 13.0.0, opencv-python-headless, pyvips and scikit-image

Every variant does all pictures with the same number of workers, one variant after the other, in several rounds; ratios are of medians, so
that other load falls on all alike. The photograph is a collage of scikit-image's, enlarged to 4000×3000 with noise.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image


def photos(folder: Path, count: int) -> list[Path]:
    from skimage import data

    rng = np.random.default_rng(1)
    bases = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    paths = []
    for index in range(count):
        picture = Image.fromarray(bases[index % len(bases)]).resize((4000, 3000), Image.Resampling.BICUBIC)
        array = np.asarray(picture).astype(np.int16) + rng.normal(0, 4, (3000, 4000, 1)).astype(np.int16)
        path = folder / f"{index:03}.jpg"
        Image.fromarray(np.clip(array, 0, 255).astype(np.uint8)).save(path, quality=90)
        paths.append(path)
    return paths


def crop(image):
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return (left, top, left + side, top + side)


def pillow(task):
    path, out, draft, ending = task
    image = Image.open(path)
    if draft:
        image.draft("RGB", (image.width // draft, image.height // draft))
    image = image.convert("RGB").resize((512, 512), Image.Resampling.LANCZOS, crop(image))
    image.save(out / (path.stem + ending), quality=95)


def opencv(task):
    import cv2

    path, out, _, ending = task
    cv2.setNumThreads(1)
    array = cv2.imread(str(path))
    side = min(array.shape[:2])
    top, left = (array.shape[0] - side) // 2, (array.shape[1] - side) // 2
    small = cv2.resize(array[top : top + side, left : left + side], (512, 512), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(out / (path.stem + ending)), small, [cv2.IMWRITE_JPEG_QUALITY, 95])


def vips(task):
    import pyvips

    pyvips.cache_set_max(0)
    path, out, _, ending = task
    image = pyvips.Image.thumbnail(str(path), 512, height=512, crop="centre")
    image.write_to_file(str(out / (path.stem + ending)), **({"Q": 95} if ending == ".jpg" else {}))


def pooled(function, paths, draft, ending, workers, out):
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(function, [(paths[0], out, draft, ending)] * workers))
        began = time.perf_counter()
        list(pool.map(function, [(path, out, draft, ending) for path in paths]))
        return time.perf_counter() - began


def isomer(command, folder, workers, *options):
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        subprocess.run(
            [command, "prepare", str(folder), "--output", out, "--size", "512", "--threads", str(workers), "--quiet", *options],
            check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


def main():
    command = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 24
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as scratch:
        folder, out = Path(scratch) / "in", Path(scratch) / "out"
        folder.mkdir()
        out.mkdir()
        paths = photos(folder, count)
        centre = ("--focus", "center")
        jpeg = ("--format", "jpeg")
        variants = {
            "pillow jpeg": lambda w: pooled(pillow, paths, 0, ".jpg", w, out),
            "pillow png": lambda w: pooled(pillow, paths, 0, ".png", w, out),
            "pillow draft 1/2 jpeg": lambda w: pooled(pillow, paths, 2, ".jpg", w, out),
            "opencv area jpeg": lambda w: pooled(opencv, paths, 0, ".jpg", w, out),
            "vips thumbnail jpeg": lambda w: pooled(vips, paths, 0, ".jpg", w, out),
            "isomer jpeg": lambda w: isomer(command, folder, w, *centre, *jpeg),
            "isomer png": lambda w: isomer(command, folder, w, *centre),
            "isomer fast jpeg": lambda w: isomer(command, folder, w, *centre, *jpeg, "--fast"),
            "isomer smart jpeg": lambda w: isomer(command, folder, w, *jpeg),
        }
        times = {(name, w): [] for name in variants for w in (1, 2)}
        for _ in range(rounds):
            for name, run in variants.items():
                for workers in (1, 2):
                    try:
                        times[name, workers].append(run(workers))
                    except Exception as error:
                        print(name, "left out:", str(error)[:80])
        rate = {key: count / statistics.median(values) for key, values in times.items() if values}
        print(f"pictures a second, {count} pictures of 12 megapixels, median of {rounds}")
        for name in variants:
            if (name, 2) in rate:
                print(f"  {name:24} 1 worker {rate[name, 1]:6.1f}   2 workers {rate[name, 2]:6.1f}   ({rate[name, 2] / rate[name, 1]:.2f} x)")
        for a, b in (("isomer jpeg", "pillow jpeg"), ("isomer png", "pillow png"), ("isomer fast jpeg", "vips thumbnail jpeg"),
                     ("isomer fast jpeg", "pillow draft 1/2 jpeg")):
            if (a, 2) in rate and (b, 2) in rate:
                print(f"  {a} / {b}: {rate[a, 2] / rate[b, 2]:.2f}")


if __name__ == "__main__":
    main()
