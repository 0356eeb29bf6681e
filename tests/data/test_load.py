"""Reading tables: every common format, and one clear error for each fault."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.data import make_dataset
from moue.data.load import load_dataset, load_fer2013
from moue.data.readers.pixels import NUM_PIXELS, parse_rows
from moue.errors import MoueError
from moue.labels import CLASS_NAMES

USAGE = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
COLUMNS = ("emotion", "pixels", "Usage")


def rows_of(dataset):
    for image, label, split in zip(dataset.images, dataset.labels, dataset.split, strict=True):
        yield {"emotion": str(label), "pixels": " ".join(map(str, image.ravel())), "Usage": USAGE[str(split)]}


def table(dataset, columns=COLUMNS, end="\n", sep=","):
    lines = [sep.join(columns)]
    lines += [",".join(row.get(name.strip(), "7") for name in columns) for row in rows_of(dataset)]
    return (end.join(lines) + end).encode()


def same(loaded, dataset):
    return (
        np.array_equal(loaded.images, dataset.images)
        and np.array_equal(loaded.labels, dataset.labels)
        and np.array_equal(loaded.split, dataset.split)
    )


def zipped(names, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return out.getvalue()


def tarred(name, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


GOOD = {
    "as_published.csv": table,
    "other_order.csv": lambda d: table(d, ("Usage", "pixels", "emotion")),
    "icml_face_data.csv": lambda d: table(d, ("emotion", " Usage", " pixels")),
    "more_columns.csv": lambda d: table(d, ("id", "emotion", "pixels", "Usage", "note")),
    "crlf.csv": lambda d: table(d, end="\r\n"),
    "bom.csv": lambda d: b"\xef\xbb\xbf" + table(d),
    "no_last_line_end.csv": lambda d: table(d).rstrip(b"\n"),
    "blank_lines_after.csv": lambda d: table(d) + b"\n\n",
    "quoted.csv": lambda d: (
        b"\n".join(b",".join(b'"' + f + b'"' for f in r.split(b",")) for r in table(d).split()[:1])
        + b"\n"
        + table(d).split(b"\n", 1)[1]
    ),
    "semicolons.csv": lambda d: table(d).replace(b",", b";"),
    "tabs.tsv": lambda d: table(d).replace(b",", b"\t"),
    "usage_words.csv": lambda d: (
        table(d).replace(b"Training", b"train").replace(b"PublicTest", b"Val").replace(b"PrivateTest", b"TEST")
    ),
    "label_floats.csv": lambda d: re.sub(rb"^(\d),", rb"\1.0,", table(d), flags=re.MULTILINE),
    "label_names.csv": lambda d: re.sub(
        rb"^(\d),", lambda m: CLASS_NAMES[int(m[1])].capitalize().encode() + b",", table(d), flags=re.MULTILINE
    ),
    "brackets.csv": lambda d: re.sub(rb",([\d ]+),", rb",[\1],", table(d)),
    "commas.csv": lambda d: re.sub(rb",([\d ]{100,}),", lambda m: b',"' + m[1].replace(b" ", b", ") + b'",', table(d)),
    "lists.csv": lambda d: re.sub(rb",([\d ]{100,}),", lambda m: b',"[' + m[1].replace(b" ", b", ") + b']",', table(d)),
    "quoted_comma.csv": lambda d: table(d, ("note", *COLUMNS)).replace(b"\n7,", b'\n"a, b",'),
    "blank_lines_between.csv": lambda d: table(d).replace(b"\n", b"\n\n"),
    "packed.csv.bz2": lambda d: bz2.compress(table(d)),
    "packed.csv.xz": lambda d: lzma.compress(table(d)),
    "packed.tar": lambda d: gzip.decompress(tarred("fer2013/fer2013.csv", table(d))),
    "no_suffix": lambda d: gzip.compress(table(d)),
    "packed.csv.gz": lambda d: gzip.compress(table(d)),
    "packed.zip": lambda d: zipped(["fer2013/fer2013.csv", "fer2013/README"], table(d)),
    "challenge.zip": lambda d: zipped(["train.csv", "icml_face_data.csv", "test.csv"], table(d)),
    "packed.tar.gz": lambda d: tarred("fer2013/fer2013.csv", table(d)),
}


@pytest.mark.parametrize("name", GOOD)
def test_every_format_is_read(name, tmp_path, dataset):
    path = tmp_path / name
    path.write_bytes(GOOD[name](dataset))
    assert same(load_fer2013(path), dataset)
    assert same(load_fer2013(path), dataset), "from the cache"


def bad_line(dataset, row, line):
    lines = table(dataset).split(b"\n")
    lines[row + 1] = line
    return b"\n".join(lines)


def pixels(count=NUM_PIXELS, last="0"):
    return " ".join(["0"] * (count - 1) + [last]).encode()


BAD = {
    "too few pixels": (b"0," + pixels(2303) + b",Training", "row 4.*2,303 pixels.*2,304"),
    "too many pixels": (b"0," + pixels(2305) + b",Training", "2,305 pixels"),
    "300 stays 300": (b"0," + pixels(last="300") + b",Training", "pixel 2303 is 300, expected 0-255"),
    "negative": (b"0," + pixels(last="-1") + b",Training", "pixel 2303 is '-1'"),
    "four digits": (b"0," + pixels(last="0255") + b",Training", "0255, expected 0-255"),
    "a word": (b"0," + pixels(last="nan") + b",Training", "'nan', expected a whole number"),
    "a fraction": (b"0," + pixels(last="1.5") + b",Training", "'1.5', expected a whole number"),
    "label 7": (b"7," + pixels() + b",Training", "emotion is '7', expected 0-6"),
    "label word": (b"grumpy," + pixels() + b",Training", "emotion is 'grumpy'"),
    "label of many digits": (b"1" * 5000 + b"," + pixels() + b",Training", "emotion is '1111"),
    "no label": (b"," + pixels() + b",Training", "emotion is ''"),
    "usage": (b"0," + pixels() + b",Trainig", "Usage is 'Trainig', expected Training, PublicTest"),
    "cut short": (b"0," + pixels(1000), "2 columns, expected 3.*cut short"),
    "an open quote": (b"0," + pixels() + b',"Training', "quotes that do not belong together"),
    "a quote too many": (b"0," + pixels() + b',"Training"x', "quotes that do not belong together"),
    "not ASCII": ("0,٣ ".encode() + pixels(2303) + b",Training", "whole number"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named(name, tmp_path, dataset):
    line, message = BAD[name]
    path = tmp_path / "bad.csv"
    path.write_bytes(bad_line(dataset, 4, line))
    with pytest.raises(MoueError, match=f"(?s)data row 4 .*{message}|{message}"):
        load_fer2013(path)
    kept = load_fer2013(path, on_bad_row="skip")
    assert [bad.row for bad in kept.skipped] == [4]
    assert same(kept, dataset.take(np.arange(len(dataset)) != 4))
    assert kept.rows.tolist() == [row for row in range(len(dataset)) if row != 4]


BAD_FILES = {
    "empty.csv": (b"", "is empty"),
    "header_only.csv": (b"emotion,pixels,Usage\n", "no readable rows"),
    "kaggle_test.csv": (b"pixels\n1 2 3\n", "no column emotion(?s:.*)test.csv"),
    "image.csv": (b"\x89PNG\r\n\x1a\n" + bytes(5000), "is not a text file(?s:.*)folder"),
    "one_line.csv": (b"x" * 200_000, "longer than"),
    "damaged.csv.gz": (gzip.compress(table(make_dataset(10)))[:-400], "damaged"),
    "not_really.csv.gz": (b"emotion,pixels,Usage\n", "no readable rows"),
    "cut.zip": (zipped(["a.csv"], table(make_dataset(10)))[:-40], "damaged"),
    "packed.zst": (b"\x28\xb5\x2f\xfd" + bytes(50), "zstd(?s:.*)Unpack it"),
    "some.parquet": (b"PAR1" + bytes(50), "Parquet(?s:.*)read_parquet"),
    "blank_lines.csv.gz": (gzip.compress(b"emotion,pixels,Usage\n" + b"\n" * 5_000_000), "blank lines"),
    "two.zip": (zipped(["a.csv", "b.csv"], b"x"), "holds 2 CSV files: a.csv, b.csv"),
    "none.zip": (zipped(["readme.txt"], b"x"), "holds 0 CSV files"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_raises_one_clear_error(name, tmp_path):
    content, message = BAD_FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MoueError, match=message):
        load_fer2013(path)


def test_a_missing_file_says_where_to_get_it(tmp_path):
    with pytest.raises(MoueError, match=r"No such file(?s:.*)moue data get"):
        load_fer2013(tmp_path / "fer2013.csv")


@pytest.mark.parametrize("heading", ["usage", "Split", "subset", "PARTITION"])
def test_the_split_column_may_have_other_names(tmp_path, dataset, heading):
    path = tmp_path / "other.csv"
    path.write_bytes(table(dataset).replace(b"Usage", heading.encode(), 1))
    assert same(load_fer2013(path), dataset)


@pytest.mark.parametrize(
    "heading", ["emotion,emotion,pixels,Usage", "x,emotion,pixels,pixels", "Split,emotion,pixels,Usage"]
)
def test_duplicate_columns_are_refused(tmp_path, heading):
    path = tmp_path / "double.csv"
    path.write_bytes(heading.encode() + b"\n3,3," + pixels() + b",Training\n")
    with pytest.raises(MoueError, match="several columns of one meaning"):
        load_fer2013(path)


def test_without_usage_twins_stay_together(tmp_path):
    first = make_dataset(400)
    doubled = first.take(np.arange(800) % 400)
    path = tmp_path / "train.csv"
    path.write_bytes(table(doubled, ("emotion", "pixels")))
    loaded = load_fer2013(path)
    assert np.array_equal(loaded.split[:400], loaded.split[400:])
    sizes = {split: len(loaded.where(split)) for split in ("train", "val", "test")}
    assert sizes == {"train": 480, "val": 160, "test": 160}
    assert "moved 1/5 of train each to val and test" in loaded.split_rule


def test_an_edited_file_is_not_read_from_the_cache(tmp_path, dataset):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(table(dataset))
    load_fer2013(path)
    stat = path.stat()
    edited = table(dataset).replace(b"Training", b"PublicTe", 1)[:-1].replace(b"PublicTe", b"training", 1) + b"\n"
    changed = bytearray(edited)
    position = changed.index(b"\n") + 1
    changed[position] = ord("6")
    path.write_bytes(changed)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert load_fer2013(path).labels[0] == 6


def test_a_broken_or_missing_cache_is_ignored(tmp_path, dataset, monkeypatch):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(table(dataset))
    cache = tmp_path / "cache"
    monkeypatch.setenv("MOUE_CACHE", str(cache))
    load_fer2013(path)
    (entry,) = cache.iterdir()
    for content in (b"", b"rubbish", entry.read_bytes()[:-9]):
        entry.write_bytes(content)
        assert same(load_fer2013(path), dataset)
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("MOUE_CACHE", str(blocked / "cache"))
    assert same(load_fer2013(path), dataset)


def test_several_processes_may_read_at_once(tmp_path, dataset):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(table(dataset))
    code = f"from moue.data.load import load_fer2013; print(load_fer2013({str(path)!r}).checksum)"
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(3)]
    assert {process.communicate()[0].decode().strip() for process in running} == {dataset.checksum}


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), highest=st.sampled_from([9, 10, 99, 100, 255]), num_rows=st.integers(1, 70))
def test_parsing_returns_the_written_pixels(seed, highest, num_rows):
    rows = np.random.default_rng(seed).integers(0, highest, (num_rows, NUM_PIXELS), np.uint8, endpoint=True)
    parsed, reasons = parse_rows([" ".join(map(str, row)).encode() for row in rows.tolist()])
    assert not reasons
    assert np.array_equal(parsed, rows)


@settings(max_examples=300)
@given(position=st.integers(0, NUM_PIXELS - 1), word=st.text("0123456789+-.eE_x٣\0", min_size=1, max_size=5))
def test_a_word_is_read_strictly_or_refused(position, word):
    words = ["17"] * NUM_PIXELS
    words[position] = word
    good = " ".join(["17"] * NUM_PIXELS).encode()
    parsed, reasons = parse_rows([good, " ".join(words).encode(), good])
    assert (parsed[[0, 2]] == 17).all()
    readable = word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= 255
    assert readable == (1 not in reasons)
    if readable:
        assert parsed[1, position] == int(word)


@settings(max_examples=60)
@given(content=st.binary(max_size=400), header=st.booleans())
def test_any_bytes_raise_an_error_and_never_crash(tmp_path, content, header):
    path = tmp_path / "any.csv"
    path.write_bytes((b"emotion,pixels,Usage\n" if header else b"") + content)
    with pytest.raises(MoueError):
        load_fer2013(path, use_cache=False)


def test_the_real_file(real_data):
    assert real_data.images.shape == (35_887, 48, 48, 1)
    assert [len(real_data.where(split)) for split in ("train", "val", "test")] == [28_709, 3_589, 3_589]
    assert real_data.counts()["train"] == {
        "angry": 3995, "disgust": 436, "fear": 4097, "happy": 7215, "sad": 4830, "surprise": 3171, "neutral": 4965,
    }  # fmt: skip
    assert len(real_data.without_twins()) == 3_301


def test_reading_the_real_file_needs_little_time_and_memory(real_csv):
    # ru_maxrss would include this process's own peak, from between fork and exec.
    code = (
        "import sys, time; from pathlib import Path; from moue.data.load import load_fer2013;"
        "load_fer2013(sys.argv[1], use_cache=False); lines = Path('/proc/self/status').read_text().splitlines();"
        "print(time.process_time(), *(line.split()[1] for line in lines if line.startswith('VmHWM')))"
    )
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak memory is read from /proc, which does not exist here")
    out = subprocess.run([sys.executable, "-c", code, real_csv], capture_output=True, check=True, text=True).stdout
    seconds, kilobytes = map(float, out.split())
    assert kilobytes < 300 * 1024
    assert seconds < 7


def test_a_wrong_checksum_at_the_end_of_an_archive_is_detected(tmp_path, dataset):
    content = bytearray(tarred("fer2013.csv", table(dataset)))
    content[-8] ^= 1
    path = tmp_path / "fer2013.tar.gz"
    path.write_bytes(content)
    with pytest.raises(MoueError, match="damaged"):
        load_fer2013(path)


def test_a_cache_entry_with_a_flipped_bit_is_ignored(tmp_path, dataset, monkeypatch):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(table(dataset))
    monkeypatch.setenv("MOUE_CACHE", str(tmp_path / "cache"))
    load_fer2013(path)
    (entry,) = (tmp_path / "cache").iterdir()
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 64
    entry.write_bytes(content)
    assert same(load_fer2013(path), dataset)


def test_a_pipe_is_read_and_a_device_is_refused(tmp_path, dataset):
    if not Path("/proc/self/fd").exists():
        pytest.skip("pipes have no path here")
    code = "import moue; print(moue.load_fer2013('/dev/stdin').checksum)"
    run = subprocess.run([sys.executable, "-c", code], input=table(dataset), capture_output=True, check=True)
    assert run.stdout.decode().strip() == dataset.checksum
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(MoueError, match="a device or pipe"):
            load_fer2013(path)


def test_reading_stops_after_too_many_bad_rows(tmp_path):
    path = tmp_path / "rubbish.csv"
    path.write_bytes(b"emotion,pixels,Usage\n" + b"x\n" * 100_000)
    with pytest.raises(MoueError, match="1,001 of the first 1,001 rows are wrong"):
        load_fer2013(path, on_bad_row="skip")


def test_numbers_in_another_order(tmp_path, dataset):
    path = tmp_path / "affectnet.csv"
    path.write_bytes(table(dataset))
    order = ("Neutral", "happiness", "sad", "surprise", "fear", "disgust", "anger")
    loaded = load_dataset(path, class_names=order)
    assert loaded.labels[0] == CLASS_NAMES.index("neutral")
    assert loaded.labels[1] == CLASS_NAMES.index("happy")
    with pytest.raises(MoueError, match="class name '3'"):
        load_dataset(path, class_names=("grumpy", "3"))
    with pytest.raises(MoueError, match="both the class 'happy'"):
        load_dataset(path, class_names=("happy", "joy"))


def test_a_class_without_faces_is_noted(tmp_path, dataset):
    path = tmp_path / "some.csv"
    path.write_bytes(table(dataset.take(np.flatnonzero(dataset.labels != 1))))
    assert "no face in the training split is labelled disgust" in load_fer2013(path).notes


def test_an_encrypted_archive_is_named(tmp_path):
    # A zip entry with the flag for encryption.
    content = bytearray(zipped(["fer2013.csv"], b"emotion,pixels,Usage\n"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path = tmp_path / "secret.zip"
    path.write_bytes(content)
    with pytest.raises(MoueError, match="password"):
        load_fer2013(path)


def test_no_file_is_left_open(tmp_path, dataset):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(table(dataset))
    code = "import gc, sys, moue; moue.load_fer2013(sys.argv[1], use_cache=False); gc.collect()"
    command = [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-c", code, path]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "unclosed" not in run.stderr


def test_a_reader_is_one_file(tmp_path, monkeypatch):
    """A new kind of data is one new file; nothing else refers to it."""
    from moue.data import readers

    (tmp_path / "two_faces.py").write_text(
        "import numpy as np\n"
        "from moue.data.dataset import Dataset\n"
        "from moue.data.readers.reader import Reader\n"
        "def read(path, options):\n"
        "    images = np.full((2, 48, 48, 1), 7, np.uint8)\n"
        "    return Dataset(images, np.array([0, 3], np.uint8), np.array(['train', 'val']), np.arange(2))\n"
        "READER = Reader('two', 'a .two file', 1, lambda path: path.suffix == '.two', read)\n"
    )
    monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(tmp_path)])
    readers.readers.cache_clear()
    (tmp_path / "a.two").write_text("anything")
    try:
        loaded = load_dataset(tmp_path / "a.two")
        assert loaded.images[0, 0, 0, 0] == 7
        assert len(loaded.where("val")) == 1
    finally:
        readers.readers.cache_clear()


def test_a_missing_path_lists_what_can_be_read(tmp_path):
    with pytest.raises(MoueError, match=r"a table such as fer2013.csv, an archive of it, or a folder of images"):
        load_dataset(tmp_path / "mine")
