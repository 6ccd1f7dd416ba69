"""Makes Fixtures/images/webp: WebP files of every kind, and what Pillow reads in them.

Usage: images_webp.py FIXTURES   with Pillow 13.0.0

cases.txt, one case per line: file tolerance expected.png   or: file refused
"""
import sys
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

out = Path(sys.argv[1]) / "images" / "webp"
out.mkdir(parents=True, exist_ok=True)
photo = Image.open(Path(sys.argv[1]) / "images/resampling/photo.png").convert("RGB").resize((97, 61))
alpha = photo.convert("RGBA")
alpha.putalpha(Image.linear_gradient("L").resize(photo.size))
exif = Image.Exif()
exif[274] = 6
lines = []


def case(name, image, tolerance=0, **options):
    image.save(out / name, "WEBP", **options)
    read = ImageOps.exif_transpose(Image.open(out / name))
    read.convert("RGBA" if read.mode == "RGBA" else "RGB").save(out / f"{name}.png", optimize=True)
    lines.append(f"{name} {tolerance} {name}.png")


case("lossless.webp", photo, lossless=True)
case("lossless-alpha.webp", alpha, lossless=True, exact=True)
case("lossy.webp", photo, 1, quality=80)
case("lossy-alpha.webp", alpha, 1, quality=80)
case("UPRIGHT.WEBP", photo, lossless=True, exif=exif.tobytes())
case("profile.webp", photo, lossless=True, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
photo.save(out / "animation.webp", save_all=True, append_images=[photo.rotate(90).resize(photo.size)], duration=100, lossless=True)
lines.append("animation.webp refused")
(out / "cases.txt").write_text("\n".join(lines) + "\n")
