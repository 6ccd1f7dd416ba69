"""Makes Fixtures/images/resampling: source pictures and the checksums of what Pillow and OpenCV make of them.

Usage: images_resampling.py FIXTURES [append]   with Pillow 13.0.0, numpy 2.4.6, opencv-python-headless 5.0.0.93, scikit-image 0.26.0
(`append` adds the cases of an older Pillow: run it again with Pillow 12.3.0 first on the path.)

cases.txt, one case per line: source filter width height left top right bottom gap pillow crc32
gap is 0 for none; pillow is 12 or 13, or "cv" for OpenCV's INTER_AREA; crc32 is of the raw samples (16-bit ones little-endian).
"""
import random, sys, zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

out = Path(sys.argv[1]) / "images" / "resampling"
out.mkdir(parents=True, exist_ok=True)
major = int(PIL.__version__.split(".")[0])
rng = np.random.default_rng(4)


def sources():
    from skimage import data
    photo = Image.fromarray(data.astronaut()).crop((150, 20, 150 + 211, 20 + 157))
    noise = Image.fromarray(rng.integers(0, 256, (67, 93, 3), dtype=np.uint8))
    alpha = np.asarray(photo.crop((20, 20, 117, 99)).convert("RGBA")).copy()
    y, x = np.mgrid[0:79, 0:97]
    alpha[..., 3] = np.clip((np.hypot(x - 48, y - 39) - 20) * 9, 0, 255).astype(np.uint8)
    alpha[10:14, :, 3] = rng.integers(0, 256, (4, 97), dtype=np.uint8)
    la = np.stack([rng.integers(0, 256, (41, 53), dtype=np.uint8), rng.integers(0, 256, (41, 53), dtype=np.uint8)], -1)
    edges16 = (rng.integers(0, 2, (38, 45)) * 65535).astype(np.uint16)
    noise16 = rng.integers(0, 65536, (51, 60), dtype=np.uint16)
    return {
        "photo": photo,
        "noise": noise,
        "gray": photo.convert("L").crop((3, 5, 3 + 129, 5 + 88)),
        "alpha": Image.fromarray(alpha, "RGBA") if major < 13 else Image.fromarray(alpha),
        "grayalpha": Image.merge("LA", (Image.fromarray(la[..., 0]), Image.fromarray(la[..., 1]))),
        "tall": photo.resize((37, 300)).rotate(7),
        "thin": Image.fromarray(rng.integers(0, 256, (850, 8), dtype=np.uint8)),
        "wide": photo.resize((400, 19)),
        "dot": photo.crop((50, 50, 51, 51)),
        "sixteen": Image.fromarray(noise16),
        "sixteen-edges": Image.fromarray(edges16),
    }


if len(sys.argv) < 3:
    for name, image in sources().items():
        image.save(out / f"{name}.png", optimize=True)

pictures = {p.stem: Image.open(p) for p in sorted(out.glob("*.png"))}
for picture in pictures.values():
    picture.load()
filters = {f.name.lower(): f for f in Image.Resampling if f.name in ("NEAREST", "BOX", "BILINEAR", "HAMMING", "BICUBIC", "LANCZOS")}
lines = []


def case(name, filter, size, box=None, gap=None):
    picture = pictures[name]
    box = box or (0, 0, *picture.size)
    result = picture.resize(size, filters[filter], box, gap)
    crc = zlib.crc32(result.tobytes())
    lines.append(f"{name} {filter} {size[0]} {size[1]} {box[0]!r} {box[1]!r} {box[2]!r} {box[3]!r} {gap or 0} {major} {crc}")


dice = random.Random(13)
for name, picture in pictures.items():
    width, height = picture.size
    sizes = {(1, 1), (width, max(1, height // 2)), (max(1, width // 3), height), (width * 2 + 1, height + 3),
             (max(1, width // 4), max(1, height // 5)), (64, 64)}
    for filter in filters:
        for size in sorted(sizes):
            if size != picture.size:
                case(name, filter, size)
        for _ in range(4):
            left, top = dice.uniform(0, width * 0.6), dice.uniform(0, height * 0.6)
            right, bottom = dice.uniform(left + 0.3, width), dice.uniform(top + 0.3, height)
            case(name, filter, (dice.randint(1, 70), dice.randint(1, 70)), (left, top, right, bottom))
        case(name, filter, (max(1, width // 2), max(1, height // 2)), (0, 0, width // 2 or 1, height // 2 or 1))
        if "sixteen" not in name and filter != "nearest":
            for gap in (1.0, 2.0, 3.0):
                case(name, filter, (max(1, width // 9), max(1, height // 7)), None, gap)
                case(name, filter, (max(1, width // 8), max(1, height // 13)),
                     (width * 0.05, height * 0.1, width * 0.97, height * 0.93), gap)

if len(sys.argv) < 3:
    import cv2
    for name in ("photo", "gray", "noise", "alpha", "tall"):
        array = np.asarray(pictures[name])
        height, width = array.shape[:2]
        for size in ((width // 2, height // 2), (width // 3, height // 3), (50, 40), (31, 17), (width - 1, height - 1), (7, 5), (1, 1)):
            if size[0] > width or size[1] > height:
                continue
            whole = array[: height // 3 * 3, : width // 3 * 3] if size == (width // 3, height // 3) else array
            whole = whole[: height // 2 * 2, : width // 2 * 2] if size == (width // 2, height // 2) else whole
            result = cv2.resize(np.ascontiguousarray(whole), size, interpolation=cv2.INTER_AREA)
            lines.append(f"{name} area {size[0]} {size[1]} 0 0 {whole.shape[1]} {whole.shape[0]} 0 cv {zlib.crc32(result.tobytes())}")

with open(out / "cases.txt", "a" if len(sys.argv) > 2 else "w") as file:
    file.write("\n".join(lines) + "\n")
print(len(lines), "cases by Pillow", PIL.__version__)
