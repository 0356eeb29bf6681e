"""Images of every kind, and files that are not images, give a status and never an exception."""

import io
import os
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from moue.errors import MoueError
from moue.media.decode import DEFAULT_LIMITS, Decoded, ImageLimits, Status, decode, decode_pillow
from moue.media.image_source import open_source

RAMP = np.linspace(0, 255, 40 * 30).reshape(30, 40).astype(np.uint8)
COLOR = np.stack([RAMP, RAMP[::-1], np.full_like(RAMP, 90)], axis=-1)


def encode(image, kind, **options):
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decode_ok(content):
    found = decode(content)
    assert found.status == Status.OK, found.message
    assert found.image is not None
    assert found.image.dtype == np.uint8
    assert found.image.shape[:2] == (found.height, found.width)
    assert found.image.shape[2:] in ((), (3,))
    return found


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}, 8),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 8),
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("PPM", {}, 0),
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}, 8),
    ],
)
@pytest.mark.parametrize("pixels", [RAMP, COLOR], ids=["gray", "color"])
def test_formats(kind, options, tolerance, pixels):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    found = decode_ok(encode(pixels, kind, **options))
    assert found.format == kind
    assert (found.width, found.height) == (40, 30)
    expected = np.repeat(pixels[..., None], 3, axis=2) if found.image.ndim == 3 and pixels.ndim == 2 else pixels
    assert np.abs(found.image.astype(int) - expected).max() <= tolerance
    assert found.message == ""


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F", "LAB"])
def test_modes_of_tiff(mode):
    middle = {"I;16": 128 << 8, "I": 128 << 8, "F": 0.5}.get(mode)
    if middle is None and mode == "LAB":
        image = Image.new("LAB", (9, 6), (137, 128, 128))  # L* 53.6 is sRGB 128 or so
    elif middle is None:
        image = Image.new("RGB", (9, 6), (128, 128, 128))
        image = image.quantize().convert(mode) if mode in ("P", "PA") else image.convert(mode)
    else:
        image = Image.new(mode, (9, 6), middle)
    try:
        content = encode(image, "TIFF")
    except OSError:
        pytest.skip(f"Pillow writes no TIFF of mode {mode}")
    pixels = decode_ok(content).image
    if mode == "1":  # dithered
        assert set(np.unique(pixels)) <= {0, 255}
    else:
        assert np.abs(pixels.astype(int) - 128).max() <= 2
    assert (pixels.ndim == 2) == (mode in ("1", "L", "LA", "I", "I;16", "F"))


def test_one_bit_and_palette_png():
    black_white = RAMP > 100
    np.testing.assert_array_equal(decode_ok(encode(black_white, "PNG")).image, black_white * np.uint8(255))
    palette = Image.fromarray(COLOR).quantize(8)
    np.testing.assert_array_equal(decode_ok(encode(palette, "PNG")).image, np.asarray(palette.convert("RGB")))


def test_cmyk_jpeg_keeps_its_colors():
    red = Image.new("RGB", (16, 16), (220, 30, 40))
    pixels = decode_ok(encode(red.convert("CMYK"), "JPEG", quality=95)).image
    assert np.abs(pixels[8, 8].astype(int) - (220, 30, 40)).max() < 10


def test_transparency_becomes_white():
    rgba = np.dstack([COLOR, np.where(RAMP > 127, 255, 0).astype(np.uint8)])
    pixels = decode_ok(encode(rgba, "PNG")).image
    np.testing.assert_array_equal(pixels[RAMP > 127], COLOR[RAMP > 127])
    assert (pixels[RAMP <= 127] == 255).all()
    half = decode_ok(encode(np.full((4, 4, 4), (0, 0, 0, 128), np.uint8), "PNG")).image
    assert np.abs(half.astype(int) - 127).max() <= 1


@pytest.mark.parametrize("mode", ["LA", "L", "P", "RGB", "GIF"])
def test_other_kinds_of_transparency_become_white(mode):
    if mode == "LA":
        content = encode(np.dstack([np.full((5, 5), 10, np.uint8), np.zeros((5, 5), np.uint8)]), "PNG")
    elif mode == "RGB":
        content = encode(Image.new("RGB", (5, 5), (9, 9, 9)), "PNG", transparency=(9, 9, 9))
    else:
        image = Image.new("L" if mode == "L" else "P", (5, 5), 0)
        if mode != "L":
            image.putpalette([9, 9, 9, 50, 50, 50])
        content = encode(image, "GIF" if mode == "GIF" else "PNG", transparency=0)
    pixels = decode_ok(content).image
    assert (pixels == 255).all()
    assert (pixels.ndim == 2) == (mode in ("LA", "L"))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_keep_the_high_byte(kind):
    deep = (RAMP.astype(np.uint16) << 8) + 77
    np.testing.assert_array_equal(decode_ok(encode(deep, kind)).image, RAMP)


def test_sixteen_bits_per_color():
    cv2 = pytest.importorskip("cv2")
    done, content = cv2.imencode(".png", (COLOR[..., ::-1].astype(np.uint16) << 8) + 7)
    assert done
    np.testing.assert_array_equal(decode_ok(content.tobytes()).image, COLOR)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.4, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 500.0, 1000.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, np.nan, np.inf]], np.float32), [0, 0, 0]),
        (np.array([[0, 1 << 20, 1 << 21]], np.int32), [0, 128, 255]),
        (np.array([[-5, 0, 65535]], np.int32), [0, 0, 255]),
    ],
)
def test_wide_ranges_of_values(values, expected):
    assert decode_ok(encode(values, "TIFF")).image[0].tolist() == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_turns_the_image_upright(orientation, kind):
    corner = np.zeros((16, 32), np.uint8)
    corner[:8, :8] = 255
    turned = {
        1: corner,
        2: corner[:, ::-1],
        3: corner[::-1, ::-1],
        4: corner[::-1],
        5: corner.T,
        6: np.rot90(corner),
        7: corner[::-1, ::-1].T,
        8: np.rot90(corner, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode_ok(encode(np.ascontiguousarray(turned), kind, exif=exif))
    assert (found.width, found.height) == (32, 16)
    pixels = found.image if found.image.ndim == 2 else found.image[..., 0]
    assert pixels[2, 2] > 200
    assert pixels[2, -2] < 50
    assert pixels[-2, 2] < 50


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGBA", (6, 5), (0, 0, 0, 0)),
        Image.new("RGBA", (6, 5), (0, 0, 0, 100)),
        Image.new("LA", (6, 5), (0, 0)),
        Image.new("I;16", (6, 5), 30_000),
        Image.new("CMYK", (6, 5), (0, 200, 100, 0)),
        Image.new("1", (6, 5), 1),
    ],
    ids=lambda image: image.mode,
)
def test_pillow_images_are_read_like_their_files(image):
    before = image.copy()
    found = decode_pillow(image)
    np.testing.assert_array_equal(found.image, decode_ok(encode(image, "TIFF")).image)
    assert (found.status, found.width, found.height) == (Status.OK, 6, 5)
    assert image == before


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_pillow_images_are_rotated_and_not_changed(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    opened = Image.open(io.BytesIO(encode(COLOR, kind, exif=exif)))
    size = opened.size if kind != "TIFF" else (30, 40)  # Pillow turns TIFF itself, when it is loaded
    content = decode_ok(encode(COLOR, kind, exif=exif))
    np.testing.assert_array_equal(open_source(opened, DEFAULT_LIMITS).image, content.image)
    assert opened.size == size
    assert (content.width, content.height) == (30, 40)


def test_bad_pillow_images_give_a_status():
    content = encode(np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8), "PNG")
    cut = Image.open(io.BytesIO(content[: len(content) // 2]))
    found = open_source(cut, DEFAULT_LIMITS)
    assert (found.status, found.width, "damaged" in found.message) == (Status.UNREADABLE, 80, True)
    large = Image.open(io.BytesIO(content))
    large.load = None  # a refused image is not loaded
    assert open_source(large, ImageLimits(max_pixels=4000)).status == Status.TOO_LARGE
    assert open_source(Image.new("RGB", (0, 5)), DEFAULT_LIMITS).status == Status.EMPTY


def test_damaged_exif_does_not_matter():
    content = encode(RAMP, "JPEG", exif=b"Exif\x00\x00II*\x00" + b"\xff" * 30)
    assert decode_ok(content).image.shape == RAMP.shape


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_gives_its_first_frame(kind):
    frames = [Image.new("RGB", (20, 10), color) for color in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    found = decode_ok(encode(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert np.abs(found.image[5, 5].astype(int) - (250, 0, 0)).max() < 8
    assert "first" in found.message


def test_mpo_is_a_photo():
    frames = [Image.new("RGB", (20, 10), color) for color in ((250, 0, 0), (0, 250, 0))]
    found = decode_ok(encode(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert found.format == "MPO"
    assert found.message == ""


@pytest.mark.parametrize(
    ("content", "status", "word"),
    [
        (b"", Status.EMPTY, "no content"),
        (b"hello, I am no image\n", Status.UNREADABLE, "not an image"),
        (b"\x89PNG\r\n\x1a\n", Status.UNREADABLE, "not an image"),
        (b"\xff\xd8\xff\xe0", Status.UNREADABLE, "not an image"),
        (b"%PDF-1.7 ...", Status.UNSUPPORTED, "PDF"),
        (b"\x00\x00\x00\x18ftypheic0000", Status.UNSUPPORTED, "HEIC"),
        (b"\x00\x00\x00\x18ftypisom0000", Status.UNSUPPORTED, "video"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Status.UNSUPPORTED, "SVG"),
        (encode(RAMP, "ICO"), Status.UNSUPPORTED, "icon"),
        (encode(COLOR, "EPS"), Status.UNSUPPORTED, "PostScript"),
    ],
)
def test_files_that_are_not_images(content, status, word):
    found = decode(content)
    assert found.status == status
    assert found.image is None
    assert word in found.message


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_truncated_files_are_unreadable(kind, part):
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    content = encode(noise, kind)
    found = decode(content[: int(len(content) * part)])
    assert found.status == Status.UNREADABLE
    assert found.message


def test_limits_apply_before_decoding(tmp_path):
    path = tmp_path / "big.png"
    path.write_bytes(encode(COLOR, "PNG"))
    size = path.stat().st_size
    for source in (path, path.read_bytes()):
        found = decode(source, ImageLimits(max_bytes=size - 1))
        assert found.status == Status.TOO_LARGE
        assert f"{size:,} bytes" in found.message
        found = decode(source, ImageLimits(max_pixels=1199))
        assert (found.status, found.width, found.height) == (Status.TOO_LARGE, 40, 30)
        assert decode(source, ImageLimits(max_bytes=size, max_pixels=1200)).status == Status.OK


@pytest.mark.parametrize("side", [8_001, 12_000, 30_000, 2**31 - 1])
def test_a_bomb_is_never_decoded(side):
    header = encode(Image.new("1", (8, 8)), "PNG")
    size = side.to_bytes(4, "big")
    import zlib

    chunk = b"IHDR" + size + size + header[24:29]
    content = header[:12] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + header[33:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(content).status == Status.TOO_LARGE


def test_the_settings_of_pillow_are_not_changed():
    before = (Image.MAX_IMAGE_PIXELS, warnings.filters[:])
    decode(encode(RAMP, "PNG"), ImageLimits(max_pixels=1))
    assert (Image.MAX_IMAGE_PIXELS, warnings.filters[:]) == before


def test_names_and_kinds_of_paths(tmp_path):
    for name in ("été 😀.png", "a b;c.png", "=cmd.png", "no_suffix", "wrong.jpg", "UP.PNG"):
        (tmp_path / name).write_bytes(encode(RAMP, "PNG"))
        for source in (tmp_path / name, str(tmp_path / name)):
            assert decode(source).status == Status.OK
    assert decode(tmp_path).status == Status.UNSUPPORTED
    assert "folder" in decode(tmp_path).message
    assert decode(tmp_path / "nothing.png").status == Status.NOT_FOUND
    assert decode(tmp_path / "UP.PNG" / "x.png").status == Status.NOT_FOUND
    assert decode("a\0b.png").status == Status.UNREADABLE
    assert decode("x" * 5000 + ".png").status == Status.UNREADABLE
    (tmp_path / "empty.jpg").touch()
    assert decode(tmp_path / "empty.jpg").status == Status.EMPTY


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert decode(tmp_path / "pipe.png").status == Status.UNSUPPORTED


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_unreadable(tmp_path):
    (tmp_path / "secret.png").write_bytes(encode(RAMP, "PNG"))
    (tmp_path / "secret.png").chmod(0)
    assert decode(tmp_path / "secret.png").status == Status.UNREADABLE


def test_wrong_limits_are_refused():
    with pytest.raises(MoueError, match="max_pixels is 0"):
        ImageLimits(max_pixels=0)


FUZZED = {
    "jpeg": encode(COLOR, "JPEG"),
    "exif": encode(
        COLOR,
        "JPEG",
        exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00",
    ),
    "png": encode(COLOR, "PNG"),
    "gif": encode(COLOR, "GIF", save_all=True, append_images=[Image.fromarray(COLOR[::-1].copy())]),
    "webp": encode(COLOR, "WEBP"),
    "bmp": encode(COLOR, "BMP"),
    "ppm": encode(RAMP, "PPM"),
    "cmyk": encode(Image.fromarray(COLOR).convert("CMYK"), "JPEG"),
    "mpo": encode(COLOR, "MPO", save_all=True, append_images=[Image.fromarray(COLOR)]),
    "palette": encode(Image.fromarray(COLOR).quantize(8), "PNG", transparency=0),
    "deep": encode(RAMP.astype(np.uint16) << 8, "PNG"),
    "tiff": encode(COLOR, "TIFF"),
    "lzw": encode(COLOR, "TIFF", compression="tiff_lzw"),
    "floats": encode(RAMP.astype(np.float32), "TIFF"),
    **({"avif": encode(COLOR, "AVIF")} if features.check("avif") else {}),
}


def check_any(found):
    assert isinstance(found, Decoded)
    assert isinstance(found.status, Status)
    assert (found.image is not None) == (found.status == Status.OK)
    if found.image is not None:
        assert found.image.dtype == np.uint8
        assert found.image.shape[:2] == (found.height, found.width)
        assert found.image.size <= DEFAULT_LIMITS.max_pixels * 3
    else:
        assert found.message


@settings(max_examples=300)
@given(
    kind=st.sampled_from(sorted(FUZZED)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    moved=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 8), st.binary(max_size=8)), max_size=2),
    end=st.floats(0.0, 1.0),
    tail=st.binary(max_size=8),
)
def test_damaged_bytes_give_a_status(kind, changes, moved, end, tail):
    content = bytearray(FUZZED[kind])
    for place, value in changes:
        content[int(place * len(content))] = value
    for place, cut, put in moved:
        first = int(place * len(content))
        content[first : first + cut] = put
    if end < 0.5:
        content = content[: int(2 * end * len(content))]
    check_any(decode(bytes(content) + tail, ImageLimits(max_pixels=1_000_000)))


@settings(max_examples=100)
@given(head=st.sampled_from([b"", *(content[:40] for content in FUZZED.values())]), tail=st.binary(max_size=200))
def test_any_bytes_give_a_status(head, tail):
    check_any(decode(head + tail, ImageLimits(max_pixels=1_000_000)))


@pytest.mark.parametrize(
    ("dtype", "suffix", "times", "bits"),
    [("uint16", "png", 1, "8-bit"), ("uint16", "png", 16, "12-bit"), ("int32", "tif", 1, "8-bit")],
)
def test_small_values_in_a_deep_file_do_not_give_a_black_image(tmp_path, dtype, suffix, times, bits):
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(pixels.astype(dtype) * times).save(path)
    decoded = decode(path)
    np.testing.assert_array_equal(decoded.image, pixels)
    assert bits in decoded.message


def test_sixteen_bits_are_read_without_a_message(tmp_path):
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(pixels.astype("uint16") * 257).save(tmp_path / "deep.png")
    decoded = decode(tmp_path / "deep.png")
    np.testing.assert_array_equal(decoded.image, pixels)
    assert decoded.message == ""
