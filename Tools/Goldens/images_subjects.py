"""Makes Fixtures/images/subjects: subjects cut from photographs and set into other pictures at known places.

Usage: images_subjects.py FIXTURES [SEED]   with Pillow 13.0.0, numpy 2.4.6, scikit-image 0.26.0

cases.txt, one case per line: file kind left top right bottom   (the subject's box in pixels)
"""
import random, sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
out = Path(sys.argv[1]) / "images" / "subjects"
out.mkdir(parents=True, exist_ok=True)
dice = random.Random(seed)

# Where each subject is in its photograph, and what to cut out around it.
SUBJECTS = {
    "face": (data.astronaut(), (150, 12, 303, 200)),
    "cup": (data.coffee(), (78, 14, 482, 388)),
    "cat": (data.chelsea(), (55, 0, 445, 298)),
}


def texture(name):
    gray = Image.fromarray(getattr(data, name)()).convert("RGB")
    tint = np.array([dice.uniform(0.6, 1.0) for _ in range(3)])
    return Image.fromarray((np.asarray(gray) * tint).astype(np.uint8))


def background(width, height):
    kind = dice.choice(["gradient", "gradient", "sky", "grass", "gravel", "brick", "blur", "blur"])
    if kind == "gradient":
        a, b = (np.array([dice.randint(20, 235) for _ in range(3)]) for _ in range(2))
        t = np.linspace(0, 1, width if dice.random() < 0.5 else height)
        ramp = a + (b - a) * t[:, None]
        full = np.broadcast_to(ramp[None] if len(t) == width and width != height else ramp[:, None], (height, width, 3))
        noise = np.random.default_rng(dice.randint(0, 9999)).normal(0, 3, (height, width, 1))
        return kind, Image.fromarray(np.clip(full + noise, 0, 255).astype(np.uint8))
    if kind == "sky":
        return kind, Image.fromarray(data.rocket()).crop((170, 10, 320, 110)).resize((width, height))
    if kind == "blur":
        source = Image.fromarray(dice.choice([data.coffee(), data.chelsea(), data.rocket(), data.motorcycle_left() if hasattr(data, "motorcycle_left") else data.coffee()]))
        return kind, source.resize((width, height)).filter(ImageFilter.GaussianBlur(25))
    tile = texture(kind)
    full = Image.new("RGB", (width, height))
    for x in range(0, width, tile.width):
        for y in range(0, height, tile.height):
            full.paste(tile, (x, y))
    return kind, full


lines = []
for index in range(24):
    label = ("face", "cup", "cat", "face")[index % 4]
    photo, box = SUBJECTS[label]
    cut = Image.fromarray(photo).crop(box)
    long, short = dice.choice([(720, 400), (640, 360), (760, 380), (600, 400)])
    wide = dice.random() < 0.6
    width, height = (long, short) if wide else (short, long)
    kind, canvas = background(width, height)
    scale = short * dice.uniform(0.45, 0.8) / max(cut.size)
    cut = cut.resize((round(cut.width * scale), round(cut.height * scale)), Image.Resampling.LANCZOS)
    left, top = dice.randint(0, width - cut.width), dice.randint(0, height - cut.height)
    mask = Image.new("L", cut.size, 0)
    ImageDraw.Draw(mask).ellipse((2, 2, cut.width - 3, cut.height - 3), fill=255)
    canvas.paste(cut, (left, top), mask.filter(ImageFilter.GaussianBlur(2)))
    name = f"{index:02}-{label}-{kind}.jpg"
    canvas.save(out / name, quality=82)
    lines.append(f"{name} {label} {left} {top} {left + cut.width} {top + cut.height}")
(out / "cases.txt").write_text("\n".join(lines) + "\n")
