"""Makes Fixtures/images/decoding: PNG and JPEG files of every kind, and what Pillow reads in them.

Usage: images_decoding.py FIXTURES   with Pillow 13.0.0, numpy 2.4.6, scikit-image 0.26.0

cases.txt, one case per line: file channels width height tolerance crc32
crc32 is of the decoded 8-bit samples, oriented and converted to sRGB; with a tolerance above 0, crc32 is the name of a PNG to compare with.
"""
import io, struct, sys, zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps
from skimage import data

out = Path(sys.argv[1]) / "images" / "decoding"
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(7)
photo = np.asarray(Image.fromarray(data.astronaut()).crop((170, 40, 170 + 53, 40 + 37)))
lines = []
MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def pack_rows(samples, depth):
    rows = []
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            rows.append(row.astype(">u2").tobytes())
        elif depth == 8:
            rows.append(row.astype(np.uint8).tobytes())
        else:
            bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).ravel()
            rows.append(np.packbits(bits).tobytes())
    return rows


def filtered(rows, bpp, filters):
    result, prior = b"", None
    for index, row in enumerate(rows):
        cur = np.frombuffer(row, np.uint8).astype(int)
        up = np.zeros_like(cur) if prior is None else prior
        left = np.concatenate([np.zeros(bpp, int), cur])[: len(cur)]
        corner = np.concatenate([np.zeros(bpp, int), up])[: len(cur)]
        p = left + up - corner
        pa, pb, pc = abs(p - left), abs(p - up), abs(p - corner)
        paeth = np.where((pa <= pb) & (pa <= pc), left, np.where(pb <= pc, up, corner))
        kind = filters[index % len(filters)]
        base = [0 * cur, left, up, (left + up) // 2, paeth][kind]
        result += bytes([kind]) + ((cur - base) % 256).astype(np.uint8).tobytes()
        prior = cur
    return result


def png(samples, depth, colour, extra=b"", interlace=False, split=1 << 30):
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    bpp = max(1, channels * depth // 8)
    if interlace:
        raw = b""
        for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
            part = samples[y0::dy, x0::dx]
            if part.size:
                raw += filtered(pack_rows(part, depth), bpp, (4, 1, 2, 3, 0))
    else:
        raw = filtered(pack_rows(samples, depth), bpp, (0, 1, 2, 3, 4))
    body = zlib.compress(raw, 9)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlace))
    pieces = b"".join(chunk(b"IDAT", body[i : i + split]) for i in range(0, len(body), split))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + pieces + chunk(b"IEND", b"")


def record(name, image, tolerance=0):
    image = ImageOps.exif_transpose(image)
    if tolerance:
        expected = f"{name}.expected.png"
        image.save(out / expected, optimize=True)
        lines.append(f"{name} {MODES[image.mode]} {image.width} {image.height} {tolerance} {expected}")
    else:
        lines.append(f"{name} {MODES[image.mode]} {image.width} {image.height} 0 {zlib.crc32(image.tobytes())}")


def add(name, content, mode, tolerance=0):
    (out / name).write_bytes(content)
    record(name, Image.open(io.BytesIO(content)).convert(mode), tolerance)


def exif(orientation, endian="<", long=False):
    kind, value = (4, struct.pack(endian + "I", orientation)) if long else (3, struct.pack(endian + "HH", orientation, 0))
    return (b"II*\0" if endian == "<" else b"MM\0*") + struct.pack(endian + "IHHHI", 8, 1, 274, kind, 1) + value + b"\0\0\0\0"


# PNG: every colour type and depth, plain and interlaced.
for interlace in (False, True):
    suffix = "-interlaced" if interlace else ""
    for depth in (1, 2, 4, 8, 16):
        gray = (photo[..., 1].astype(int) * 257) >> (16 - depth)
        content = png(gray, depth, 0, interlace=interlace)
        name = f"gray{depth}{suffix}.png"
        (out / name).write_bytes(content)
        # Pillow clips 16-bit gray to white; the high byte is what it takes of 16-bit colour.
        record(name, Image.fromarray((gray >> 8).astype(np.uint8)) if depth == 16 else Image.open(io.BytesIO(content)).convert("L"))
        if depth <= 8:
            count = min(2**depth, 200)
            index = (photo[..., 0].astype(int) * count) >> 8
            palette = chunk(b"PLTE", rng.integers(0, 256, 3 * count, dtype=np.uint8).tobytes())
            add(f"palette{depth}{suffix}.png", png(index, depth, 3, palette, interlace), "RGB")
            alpha = chunk(b"tRNS", rng.integers(0, 256, max(1, count - 1), dtype=np.uint8).tobytes())
            add(f"palette{depth}-alpha{suffix}.png", png(index, depth, 3, palette + alpha, interlace), "RGBA")
    add(f"rgb8{suffix}.png", png(photo, 8, 2, interlace=interlace, split=100), "RGB")
    with_alpha = np.concatenate([photo, photo[::-1, :, :1]], -1)
    add(f"rgba8{suffix}.png", png(with_alpha, 8, 6, interlace=interlace), "RGBA")
    add(f"grayalpha8{suffix}.png", png(with_alpha[..., 2:], 8, 4, interlace=interlace), "LA")
    wide = photo.astype(int) * 256 + rng.integers(0, 256, photo.shape)
    add(f"rgb16{suffix}.png", png(wide, 16, 2, interlace=interlace), "RGB")
    wide_alpha = with_alpha.astype(int) * 256 + rng.integers(0, 256, with_alpha.shape)
    add(f"rgba16{suffix}.png", png(wide_alpha, 16, 6, interlace=interlace), "RGBA")
    name = f"grayalpha16{suffix}.png"
    (out / name).write_bytes(png(wide_alpha[..., 2:], 16, 4, interlace=interlace))
    record(name, Image.merge("LA", [Image.fromarray(np.ascontiguousarray(with_alpha[..., c])) for c in (2, 3)]))
key = photo[5, 5]
add("rgb8-key.png", png(photo, 8, 2, chunk(b"tRNS", struct.pack(">HHH", *key.tolist()))), "RGBA")
add("gray8-key.png", png(photo[..., 0], 8, 0, chunk(b"tRNS", struct.pack(">H", int(photo[3, 3, 0])))), "LA")
add("one-pixel.png", png(photo[:1, :1], 8, 2), "RGB")
add("tall-interlaced.png", png(photo[:, :1], 8, 2, interlace=True), "RGB")

# Orientation: both formats, both byte orders, the value as short and as long.
for orientation in range(0, 10):
    for endian in "<>":
        block = exif(orientation, endian, long=orientation % 2 == 0)
        order = "little" if endian == "<" else "big"
        add(f"turned{orientation}-{order}.png", png(photo, 8, 2, chunk(b"eXIf", block)), "RGB")
        buffer = io.BytesIO()
        Image.fromarray(photo).save(buffer, "JPEG", quality=90, subsampling=0, exif=b"Exif\0\0" + block)
        name = f"TURNED{orientation}-{order}.JPG"
        (out / name).write_bytes(buffer.getvalue())
        record(name, Image.open(buffer).convert("RGB"))
        lines[-1] = lines[-1]

# JPEG.
def jpeg(name, image, mode, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    add(name, buffer.getvalue(), mode)


picture = Image.fromarray(photo)
odd = Image.fromarray(data.astronaut()).crop((150, 20, 150 + 121, 20 + 83))
for sampling, label in ((0, "444"), (1, "422"), (2, "420")):
    for progressive in (False, True):
        jpeg(f"{label}{'-progressive' if progressive else ''}.jpg", odd, "RGB", quality=85, subsampling=sampling, progressive=progressive)
jpeg("restart.jpg", odd, "RGB", quality=80, restart_marker_blocks=3)
jpeg("gray.jpg", odd.convert("L"), "L", quality=80)
jpeg("gray-progressive.jpg", odd.convert("L"), "L", quality=80, progressive=True)
jpeg("cmyk.jpg", odd.convert("CMYK"), "RGB", quality=90)
jpeg("optimised.jpg", odd, "RGB", quality=30, optimize=True)
jpeg("small.jpeg", odd.crop((0, 0, 3, 2)), "RGB", quality=90)

# Colour profiles: sRGB by name, a wide one, a gray one; within one step of LittleCMS, relative colorimetric.
def profile(kind, curve, primaries=None):
    def xyz(values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(4 + 4 + 2 + 1 + 67)
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz((0.9642, 1, 0.8249))}
    if kind == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        for name, values in zip((b"r", b"g", b"b"), primaries):
            tags[name + b"XYZ"] = xyz(values)
            tags[name + b"TRC"] = curve
    table, blob, offset = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", offset + len(blob), len(content))
        blob += content
    total = offset + len(blob)
    head = struct.pack(">I4sI4s4s4s", total, b"test", 0x02400000, b"mntr", kind, b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + table + blob


P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
gamma22 = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.19921875 * 256)) + b"\0\0"
srgb = b"para\0\0\0\0" + struct.pack(">HH5i", 3, 0, *(round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))
table = b"curv\0\0\0\0" + struct.pack(">I", 1024) + b"".join(struct.pack(">H", round(65535 * (i / 1023) ** 1.8)) for i in range(1024))
profiles = {
    "p3": (profile(b"RGB ", srgb, P3), "RGB"),
    "adobe": (profile(b"RGB ", gamma22, ADOBE), "RGB"),
    "table": (profile(b"RGB ", table, ADOBE), "RGB"),
    "srgb": (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), "RGB"),
    "gray18": (profile(b"GRAY", b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.8 * 256)) + b"\0\0"), "L"),
}
target = ImageCms.createProfile("sRGB")
for name, (blob, mode) in profiles.items():
    base = odd.convert(mode)
    for ending, options in (("png", {}), ("jpg", dict(quality=92))):
        buffer = io.BytesIO()
        base.save(buffer, "PNG" if ending == "png" else "JPEG", icc_profile=blob, **options)
        (out / f"icc-{name}.{ending}").write_bytes(buffer.getvalue())
        image = Image.open(buffer)
        image.load()
        source = ImageCms.ImageCmsProfile(io.BytesIO(blob))
        flags = ImageCms.Flags.NOOPTIMIZE
        if mode == "L":
            # LittleCMS makes gray from gray only through its own space.
            converted = ImageCms.profileToProfile(image, source, target, renderingIntent=1, outputMode="RGB", flags=flags).getchannel(1)
        else:
            converted = ImageCms.profileToProfile(image, source, target, renderingIntent=1, outputMode=mode, flags=flags)
        record(f"icc-{name}.{ending}", converted, tolerance=1)

# A PNG's gamma, by the formula of its specification.
for gamma in (1.0, 0.35):
    name = f"gamma-{round(gamma * 100)}.png"
    (out / name).write_bytes(png(photo, 8, 2, chunk(b"gAMA", struct.pack(">I", round(gamma * 100000)))))
    light = (photo / 255) ** (1 / gamma)
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    record(name, Image.fromarray(np.round(value * 255).astype(np.uint8)), tolerance=1)
add("gamma-usual.png", png(photo, 8, 2, chunk(b"gAMA", struct.pack(">I", 45455))), "RGB")

(out / "cases.txt").write_text("\n".join(lines) + "\n")
print(len(lines), "cases")
