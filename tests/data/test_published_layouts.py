"""Other data sets: tiny trees that look like CK+, JAFFE, RAF-DB and AffectNet, and how they are scored."""

import json

import numpy as np
import pytest
from PIL import Image

from moue.data.load import load_dataset, read_dataset
from moue.data.readers import find_reader
from moue.data.readers.reader import ReadOptions
from moue.errors import MoueError


def draw(path, gray, size=(60, 60)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, gray, np.uint8)).save(path)


def labels_of(dataset):
    """Return the class of each face, by the gray value it was drawn with."""
    grays = dataset.images[:, 20, 20, 0].tolist()
    return {gray: dataset.class_names[label] for gray, label in zip(grays, dataset.labels, strict=True)}


def ck_plus(folder):
    for person, number, gray in (("S005", "3.0", 10), ("S010", "   2.0000000e+00\n", 40), ("S011", "7", 70)):
        for frame in (1, 2):
            draw(folder / "cohn-kanade-images" / person / "001" / f"{person}_001_0000000{frame}.png", gray + frame)
        file = folder / "Emotion" / person / "001" / f"{person}_001_00000002_emotion.txt"
        file.parent.mkdir(parents=True)
        file.write_text(number, encoding="ascii")
    draw(folder / "cohn-kanade-images" / "S999" / "001" / "S999_001_00000001.png", 99)  # no label
    return {12: "disgust", 42: "contempt", 72: "surprise"}


def jaffe(folder):
    expected = {}
    for k, (code, name) in enumerate({"AN": "angry", "HA": "happy", "NE": "neutral", "SU": "surprise"}.items()):
        draw(folder / f"KA.{code}1.{30 + k}.tiff", 10 * k + 5)
        expected[10 * k + 5] = name
    (folder / "README").write_text("about", encoding="utf-8")
    return expected


def raf_db(folder):
    lines = {"train_00001.jpg": 5, "train_00002.jpg": 4, "test_0001.jpg": 7, "test_0002.jpg": 1}
    for k, name in enumerate(lines):
        draw(folder / "basic" / "Image" / "aligned" / name.replace(".jpg", "_aligned.jpg"), 40 * k + 20)
    (folder / "basic" / "EmoLabel").mkdir()
    text = "".join(f"{name} {number}\n" for name, number in lines.items())
    (folder / "basic" / "EmoLabel" / "list_patition_label.txt").write_text(text, encoding="utf-8")
    return {20: "sad", 60: "happy", 100: "neutral", 140: "surprise"}


def raf_db_in_folders(folder):
    names = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
    for split in ("train", "test"):
        for number, _ in enumerate(names, 1):
            draw(folder / "DATASET" / split / str(number) / f"{split}_0{number}_aligned.jpg", 30 * number)
    return {30 * number: name for number, name in enumerate(names, 1)}


def affectnet(folder):
    names = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
    for number in range(8):
        split = "val_set" if number % 2 else "train_set"
        draw(folder / split / "images" / f"{number}.jpg", 30 * number + 10)
        (folder / split / "annotations").mkdir(exist_ok=True)
        np.save(folder / split / "annotations" / f"{number}_exp.npy", np.array(str(number)))
        np.save(folder / split / "annotations" / f"{number}_val.npy", np.array("0.5"))
    return {30 * number + 10: name for number, name in enumerate(names)}


def listed(folder):
    entries = [("a.png", "happiness", 10), ("b.png", "Anger", 60), ("sub/c.png", "surprised", 110)]
    for name, _, gray in entries:
        draw(folder / name, gray)
    content = [{"file": name, "expression": word, "person": k} for k, (name, word, _) in enumerate(entries)]
    (folder / "labels.json").write_text(json.dumps(content), encoding="utf-8")
    return {10: "happy", 60: "angry", 110: "surprise"}


LAYOUTS = {
    "CK+": ck_plus,
    "JAFFE": jaffe,
    "RAF-DB": raf_db,
    "RAF-DB in folders": raf_db_in_folders,
    "AffectNet": affectnet,
    "labels.json": listed,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_recognised_and_its_classes_are_named(name, tmp_path):
    expected = LAYOUTS[name](tmp_path)
    assert find_reader(tmp_path).name == name.removesuffix(" in folders")
    dataset = load_dataset(tmp_path)
    found = labels_of(dataset)
    near = {min(expected, key=lambda gray: abs(gray - value)): label for value, label in found.items()}  # JPEG rounds
    assert near == expected


def test_published_splits_are_kept(tmp_path):
    raf_db_in_folders(tmp_path)
    dataset = load_dataset(tmp_path)
    assert len(dataset.where("test")) == 7
    assert len(dataset.where("train")) + len(dataset.where("val")) == 7


@pytest.mark.parametrize(
    ("layout", "file", "content", "message"),
    [
        (ck_plus, "Emotion/S005/001/S005_001_00000002_emotion.txt", "9", "expected a number from 0 to 7"),
        (raf_db, "basic/EmoLabel/list_patition_label.txt", "train_00001.jpg 8", "number from 1 to 7"),
        (affectnet, "val_set/annotations/1_exp.npy", "junk", "holds no class"),
        (listed, "labels.json", '[{"file": "a.png", "label": "happy"}, {"label": "sad"}]', "lacks a file"),
    ],
)
def test_a_damaged_label_is_named(layout, file, content, message, tmp_path):
    layout(tmp_path)
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(MoueError, match=message):
        load_dataset(tmp_path)


def test_faces_can_be_cropped_first(tmp_path):
    expected = jaffe(tmp_path)
    whole = load_dataset(tmp_path)
    assert any("--crop-faces" in note for note in whole.notes)
    cut = read_dataset(tmp_path, ReadOptions(cut=lambda image: image[:20, :20] // 2))
    assert set(labels_of(cut)) == {gray // 2 for gray in expected}
    assert not any("--crop-faces" in note for note in cut.notes)


def test_classes_can_be_left_out_and_missing_classes_do_not_count(moue, run_folder, tmp_path):
    affectnet(tmp_path / "data")
    code, _, err = moue("evaluate", run_folder, tmp_path / "data", "--split", "all", "--out", tmp_path / "a")
    assert code == 1
    assert "contempt" in err
    options = ("--split", "all", "--leave-out", "contempt,neutral", "--out", tmp_path / "b")
    code, printed, err = moue("evaluate", run_folder, tmp_path / "data", *options)
    assert code == 0
    assert "left out: 1 face of contempt" in err
    assert "balanced accuracy is the mean over the other 6 classes" in err
    assert "all faces" in printed
    scores = json.loads((tmp_path / "b" / "evaluation.json").read_text(encoding="utf-8"))["official"]
    present = [entry["recall"] for entry in scores["per_class"] if entry["support"]]
    assert len(present) == 6
    assert scores["balanced_accuracy"] == pytest.approx(sum(present) / 6)
    assert moue("evaluate", run_folder, tmp_path / "data", "--leave-out", "joyless")[0] == 2
    options = ("--split", "all", "--leave-out", "smile,contempt", "--out", tmp_path / "c")
    _, _, err = moue("evaluate", run_folder, tmp_path / "data", *options)
    assert "smile is read as happy\nleft out: 1 face of happy\n" in err


def test_data_without_splits_suggests_scoring_all_of_it(moue, run_folder, tmp_path):
    for k, name in enumerate(("happy", "sad") * 15):
        draw(tmp_path / "data" / name / f"{k}.png", 8 * k)
    code, _, err = moue("evaluate", run_folder, tmp_path / "data", "--out", tmp_path / "a")
    assert (code, "6 of 30 faces are in the split test; --split all scores all" in err) == (0, True)
    code, _, err = moue("evaluate", run_folder, tmp_path / "data", "--split", "all", "--out", tmp_path / "b")
    assert (code, "--split all" in err) == (0, False)


def test_crop_faces_detects_faces_in_whole_images(moue, run_folder, tmp_path):
    jaffe(tmp_path / "data")
    code, _, err = moue(
        "evaluate", run_folder, tmp_path / "data", "--split", "all", "--crop-faces", "--out", tmp_path / "a"
    )
    assert code == 0
    assert "no face was found in 4 images" in err
