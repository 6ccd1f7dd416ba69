"""Makes Fixtures/images/buckets.txt: which size each trainer gives to pictures of many sizes.

Usage: images_buckets.py FIXTURES
The trainers' arithmetic, in Python as they have it: floats, `int`, `round` and the first of equals.
Facts from kohya-ss/sd-scripts (model_util.py, train_util.py), Nerogar/mgds (AspectBucketing.py), ostris/ai-toolkit (buckets.py) and
AUTOMATIC1111/stable-diffusion-webui (postprocessing_autosized_crop.py).

One case per line: scheme parameters width height -> bucket width, height, scaled width, height (0 0 0 0 for none)
"""
import math, random, sys
from pathlib import Path

dice = random.Random(99)


def kohya(res, low, high, step, w, h):
    area = res[0] * res[1]
    side = int(math.sqrt(area) // step) * step
    table = {(side, side)}
    for a in range(low, high + 1, step):
        b = min(high, area // a // step * step)
        if b >= low:
            table |= {(a, b), (b, a)}
    table = sorted(table)
    aspect = w / h
    pick = (w, h) if (w, h) in table else table[min(range(len(table)), key=lambda i: abs(table[i][0] / table[i][1] - aspect))]
    scale = pick[1] / h if aspect > pick[0] / pick[1] else pick[0] / w
    return *pick, int(w * scale + 0.5), int(h * scale + 0.5)


def kohya_no_upscale(res, step, w, h):
    area, aspect = res[0] * res[1], w / h
    down = lambda x: int(x + 0.5) - int(x + 0.5) % step
    if w * h > area:
        fw = math.sqrt(area * aspect)
        fh = area / fw
        a = down(fw)
        ah = down(a / aspect)
        b = down(fh)
        bw = down(b * aspect)
        size = (a, int(a / aspect + 0.5)) if abs(a / ah - aspect) < abs(bw / b - aspect) else (int(b * aspect + 0.5), b)
    else:
        size = (w, h)
    bucket = (size[0] - size[0] % step, size[1] - size[1] % step)
    return (*bucket, *size) if min(bucket) > 0 else (0, 0, 0, 0)


def onetrainer(res, step, w, h):
    table = []
    for a in (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0):
        pair = (1 / math.sqrt(a) * res, a / math.sqrt(a) * res)
        table += [pair, pair[::-1]]
    table = {(round(y / step) * step, round(x / step) * step) for y, x in table}
    ranked = sorted(table, key=lambda p: abs(p[0] / p[1] - h / w))
    y, x = ranked[0]
    # Ties depend on the order of a Python set there; such sizes are not used here.
    if len(ranked) > 1 and abs(abs(ranked[1][0] / ranked[1][1] - h / w) - abs(y / x - h / w)) < 1e-9:
        return None
    if h / w > y / x:
        return x, y, x, round(h * (x / w))
    return x, y, round(w * (y / h)), y


def ai_toolkit(res, step, w, h):
    most = res * res
    target = min(w * h, most)
    scale = (target / (w * h)) ** 0.5
    fw, fh = w * scale / step, h * scale / step
    found = [(f(fw) * step, g(fh) * step) for f in (math.floor, math.ceil) for g in (math.floor, math.ceil)]
    found = [(a, b) for a, b in found if a > 0 and b > 0 and a * b <= most]
    found = found or [(max(step, math.floor(fw) * step), max(step, math.floor(fh) * step))]
    a, b = min(found, key=lambda p: abs(p[0] * p[1] - target))
    scale = max(a / w, b / h)
    return a, b, max(a, math.ceil(w * scale)), max(b, math.ceil(h * scale))


def autosized(low, high, least, most, by_area, threshold, w, h):
    def error(a, b):
        x = w / h / (a / b)
        return 1 - (x if x < 1 else 1 / x)
    found = [(a, b) for a in range(low, high + 1, 64) for b in range(low, high + 1, 64) if least <= a * b <= most and error(a, b) <= threshold]
    if not found:
        return 0, 0, 0, 0
    a, b = max(found, key=lambda p: ((p[0] * p[1], -error(*p)) if by_area else (-error(*p), p[0] * p[1])))
    scale = b / h if w / h > a / b else a / w
    return a, b, int(w * scale + 0.5), int(h * scale + 0.5)


lines = []
for _ in range(160):
    w, h = dice.choice([(dice.randint(40, 6000), dice.randint(40, 6000)), (dice.randint(300, 1400), dice.randint(300, 1400)),
                        (4032, 3024), (1080, 2340), (dice.choice([512, 576, 768, 1024]), dice.choice([512, 640, 768, 1024]))])
    res = dice.choice([(512, 512), (768, 768), (1024, 1024), (512, 768)])
    step = dice.choice([8, 16, 32, 64])
    low, high = dice.choice([(256, 1024), (320, 960), (256, 2048)])
    high = max(high, *res)
    for name, parameters, result in (
        ("kohya", (*res, low, high, step), kohya(res, low, high, step, w, h)),
        ("kohya-no-upscale", (*res, step), kohya_no_upscale(res, step, w, h) if min(w, h) > 256 else None),
        ("onetrainer", (res[0], step), onetrainer(res[0], step, w, h)),
        ("ai-toolkit", (res[0], step), ai_toolkit(res[0], step, w, h)),
        ("autosized", (384, 768, 64 * 64, 640 * 640, int(step > 16), 0.1), autosized(384, 768, 64 * 64, 640 * 640, step > 16, 0.1, w, h)),
    ):
        if result:
            lines.append(" ".join(map(str, (name, *parameters, w, h, *result))))
path = Path(sys.argv[1]) / "images" / "buckets.txt"
path.write_text("\n".join(lines) + "\n")
print(len(lines))
