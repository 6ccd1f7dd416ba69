"""`isomer prepare` beside Pillow, libvips and OpenCV: a 12-megapixel JPEG to a 512×512 centre crop.

    python prepare.py ISOMER [PICTURES [ROUNDS]]     with Pillow 13.0.0, opencv-python-headless 4, pyvips and scikit-image

"a1111 focal crop" does what AUTOMATIC1111's stable-diffusion-webui 1.10 does (modules/textual_inversion/autocrop.py, without its downloaded
network): the shorter side to 512 with Pillow's bicubic filter; eight Haar cascades, read from their files for each picture, until one
finds something; corners; the entropy of every fourth place of the crop; their weighted mean. It needs OpenCV's Haar cascades
(`opencv-data`, or those in the Python package). It is slow, so it does a quarter of the pictures. Of the four photographs two have eyes in them,
which the first cascade finds, so the seven others are not asked; "where nothing fires" is what it takes for the other two.

Both begin with the same files and end with a JPEG of quality 95; isomer's time has its start, its hashes and its manifest in it, the others'
begins when their processes have done a picture each.

Every variant does all pictures with the same number of workers, one variant after the other, in several rounds; ratios are of medians, so
that other load falls on all alike. The photograph is a collage of scikit-image's, enlarged to 4000×3000 with noise.

How much two workers do in place of one says little by itself: clocks, caches and neighbours on the same machine decide, too. So "arithmetic" is
a loop that touches no memory, done by the same workers in the same rounds; the second table divides by what the second core gives to it.
"""

import hashlib
import os
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


def arithmetic(task):
    digest, block = hashlib.sha256(), bytes(4096)
    for _ in range(15000):
        digest.update(block)


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


CASCADES = (
    ("eye", 0.01), ("frontalface_default", 0.05), ("profileface", 0.05), ("frontalface_alt", 0.05), ("frontalface_alt2", 0.05),
    ("frontalface_alt_tree", 0.05), ("eye_tree_eyeglasses", 0.05), ("upperbody", 0.05),
)


def a1111(task):
    import cv2

    cv2.setNumThreads(1)
    path, out, _, ending = task
    image = Image.open(path).convert("RGB")
    scale = 512 / min(image.size)
    image = image.resize((int(image.width * scale), int(image.height * scale)))
    width, height = image.size
    points = []

    array = np.asarray(image.convert("L"))
    for name, share in CASCADES:
        cascade = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_{name}.xml")
        least = int(min(width, height) * share)
        boxes = cascade.detectMultiScale(array, scaleFactor=1.1, minNeighbors=7, minSize=(least, least), flags=cv2.CASCADE_SCALE_IMAGE)
        if len(boxes):
            points.append((0.9, np.mean([(x + w / 2, y + h / 2) for x, y, w, h in boxes], axis=0)))
            break

    marked = array.copy()
    marked[int(height * 0.9) :] = 0x99
    corners = cv2.goodFeaturesToTrack(marked, 100, 0.04, min(width, height) * 0.06, useHarrisDetector=False)
    if corners is not None:
        points.append((0.5, corners.reshape(-1, 2).mean(axis=0)))

    if width != height:
        most, best = None, (0, 0)
        for start in range(0, max(width, height) - 512, 4):
            box = (start, 0, start + 512, 512) if width > height else (0, start, 512, start + 512)
            counts = np.histogram(np.array(image.crop(box).convert("1"), np.uint8), bins=range(0, 256))[0]
            shares = counts[counts > 0] / counts.sum()
            entropy = -np.log2(shares).sum()
            if most is None or entropy > most:
                most, best = entropy, (box[0] + 256, box[1] + 256)
        points.append((0.15, np.array(best)))

    total = sum(weight for weight, _ in points)
    x, y = sum(weight / total * place for weight, place in points) if points else (width / 2, height / 2)
    left, top = (int(min(max(c - 256, 0), extent - 512)) for c, extent in ((x, width), (y, height)))
    image.crop((left, top, left + 512, top + 512)).save(out / (path.stem + ending), quality=95)


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
        # The coffee cup and the rocket, in which no cascade finds anything.
        faceless, plain = [path for index, path in enumerate(paths) if index % 4 in (1, 3)], Path(scratch) / "faceless"
        plain.mkdir()
        for path in faceless:
            os.link(path, plain / path.name)
        few = faceless[: max(2, count // 8)]
        centre = ("--focus", "center")
        jpeg = ("--format", "jpeg")
        variants = {
            "arithmetic": lambda w: pooled(arithmetic, paths, 0, "", w, out),
            "pillow jpeg": lambda w: pooled(pillow, paths, 0, ".jpg", w, out),
            "pillow png": lambda w: pooled(pillow, paths, 0, ".png", w, out),
            "pillow draft 1/2 jpeg": lambda w: pooled(pillow, paths, 2, ".jpg", w, out),
            "opencv area jpeg": lambda w: pooled(opencv, paths, 0, ".jpg", w, out),
            "vips thumbnail jpeg": lambda w: pooled(vips, paths, 0, ".jpg", w, out),
            "a1111 focal crop jpeg": lambda w: 4 * pooled(a1111, paths[: count // 4], 0, ".jpg", w, out),
            "a1111 where nothing fires": lambda w: count / len(few) * pooled(a1111, few, 0, ".jpg", w, out),
            "isomer jpeg": lambda w: isomer(command, folder, w, *centre, *jpeg),
            "isomer png": lambda w: isomer(command, folder, w, *centre),
            "isomer fast jpeg": lambda w: isomer(command, folder, w, *centre, *jpeg, "--fast"),
            "isomer smart jpeg": lambda w: isomer(command, folder, w, *jpeg),
            "isomer smart fast jpeg": lambda w: isomer(command, folder, w, *jpeg, "--fast"),
            "isomer where nothing fires": lambda w: count / len(faceless) * isomer(command, plain, w, *jpeg),
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
                print(f"  {name:26} 1 worker {rate[name, 1]:6.1f}   2 workers {rate[name, 2]:6.1f}")
        # One and two workers of a round come one after the other, so that a round's own ratio is the steadier one.
        gain = {
            name: statistics.median(one / two for one, two in zip(times[name, 1], times[name, 2]))
            for name in variants if times[name, 2] and len(times[name, 1]) == len(times[name, 2])}
        for name in gain:
            if name != "arithmetic":
                print(f"  {name:26} two workers do {gain[name]:.2f} x as much as one, {gain[name] / gain['arithmetic']:.2f} of what arithmetic gains")
        for a, b in (("isomer jpeg", "pillow jpeg"), ("isomer png", "pillow png"), ("isomer fast jpeg", "vips thumbnail jpeg"),
                     ("isomer fast jpeg", "pillow draft 1/2 jpeg"), ("isomer smart jpeg", "a1111 focal crop jpeg"),
                     ("isomer smart fast jpeg", "a1111 focal crop jpeg"), ("isomer where nothing fires", "a1111 where nothing fires")):
            if (a, 2) in rate and (b, 2) in rate:
                print(f"  {a} / {b}: {rate[a, 2] / rate[b, 2]:.2f} with 2 workers, {rate[a, 1] / rate[b, 1]:.2f} with 1")


if __name__ == "__main__":
    main()
