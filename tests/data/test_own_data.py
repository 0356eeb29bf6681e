"""A user's own data: class names, lists of files, and generated splits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from helpers.data import make_dataset
from moue.data.load import load_dataset
from moue.data.splits import FEW_FACES, hold_out, stratified_folds
from moue.errors import MoueError
from moue.labels import CLASS_NAMES, name_classes, order_classes


def put(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (48, 48), np.uint8)).save(path)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("Happiness", "anger", "6"), ("angry", "happy", "neutral")),
        (("sad", "contempt", "surprise"), ("sad", "surprise", "contempt")),
        (("no_smile", "smile"), ("no_smile", "smile")),  # "smile" alone would be happy
        (("Happy", "bored", "Angry", " confused "), ("angry", "happy", "bored", "confused")),
        (("level 10", "level 9", "level 2"), ("level 2", "level 9", "level 10")),
        (("0", "7", "10"), ("0", "7", "10")),
    ],
)
def test_names_and_order(words, names):
    classes = name_classes(words)
    assert set(classes) == set(words)
    assert order_classes(classes.values()) == names


def test_numbers_may_mean_own_classes(tmp_path):
    for number in range(20):
        put(tmp_path / str(number % 2) / f"{number}.png", number)
    data = load_dataset(tmp_path, class_names=("no_smile", "smile"))
    assert data.class_names == ("no_smile", "smile")
    assert data.labels.tolist() == [0] * 10 + [1] * 10
    assert load_dataset(tmp_path).class_names == ("angry", "disgust")


def write_list(folder, rows, header="file,label,person,split"):
    folder.mkdir(exist_ok=True)
    (folder / "labels.csv").write_text("\n".join([header, *rows, ""]))
    return folder / "labels.csv"


def test_a_list_of_files(tmp_path):
    for number in range(40):
        put(tmp_path / "images" / f"{number}.png", number)
    rows = [f"images/{k}.png,{'wink' if k % 2 else 'Neutral'},p{k // 4},{('train', 'val')[k > 29]}" for k in range(40)]
    file = write_list(tmp_path, rows)
    for path in (file, tmp_path):
        data = load_dataset(path)
        assert data.class_names == ("neutral", "wink")
        assert data.labels.tolist() == [0, 1] * 20
        assert (data.split == "val").tolist() == [k > 29 for k in range(40)]
    with pytest.raises(MoueError, match=r"line 2 has no label(?s:.*)Fill it in"):
        load_dataset(write_list(tmp_path / "a", ["x.png,,p,train"]))
    with pytest.raises(MoueError, match=r"line 3 has the split 'later'"):
        load_dataset(write_list(tmp_path / "b", ["x.png,wink,p,train", "x.png,wink,p,later"]))
    with pytest.raises(MoueError, match=r"x\.png cannot be read"):
        load_dataset(write_list(tmp_path / "c", ["x.png,wink,p,train"]))
    with pytest.raises(MoueError, match="names no images"):
        load_dataset(write_list(tmp_path / "d", []))


@pytest.mark.parametrize("named", ["column", "file names"])
def test_each_person_is_in_one_split(tmp_path, named):
    rng = np.random.default_rng(0)
    people, rows = {}, []
    for number in range(120):
        person = f"S{rng.integers(15):03d}"
        name = f"{person}_{number}.png" if named == "file names" else f"{number}.png"
        word = ("open", "closed")[number % 2]
        put(tmp_path / word / name, number)
        people[number] = person
        rows.append(f"{word}/{name},{word},{person}")
    if named == "column":
        write_list(tmp_path, rows, "file,label,person")
    data = load_dataset(tmp_path)
    assert "person by person" in data.split_rule
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png"))
    names = files if named == "file names" else [row.split(",")[0] for row in rows]
    number_of = {name: int(name.replace("_", "/").removesuffix(".png").rsplit("/", 1)[-1]) for name in names}
    splits = {}
    for row, split in zip(data.rows, data.split, strict=True):
        splits.setdefault(people[number_of[names[row]]], set()).add(str(split))
    assert all(len(names) == 1 for names in splits.values())
    counts = data.counts()
    for split, low, high in (("train", 30, 42), ("val", 8, 16), ("test", 8, 16)):
        assert all(low <= number <= high for number in counts[split].values()), counts
    assert named == "column" or any("15 codes such as S0" in note for note in data.notes)


def test_class_names_in_file_names_are_not_taken_for_people(tmp_path):
    for number in range(30):
        put(tmp_path / ("a1", "b2", "c3")[number % 3] / f"{('a1', 'b2', 'c3')[number % 3]}_{number}.png", number)
    assert "person" not in load_dataset(tmp_path).split_rule


def test_folds_are_balanced_keep_groups_whole_and_depend_on_the_seed():
    rng = np.random.default_rng(1)
    labels, groups = rng.integers(0, 3, 200), [str(g) for g in rng.integers(0, 40, 200)]
    folds = stratified_folds(labels, groups, 5)
    for group in set(groups):
        assert len({fold for fold, other in zip(folds, groups, strict=True) if other == group}) == 1
    sizes = np.array([[np.sum((folds == fold) & (labels == label)) for label in range(3)] for fold in range(5)])
    assert (np.abs(sizes - sizes.mean(axis=0)) <= 5).all()
    order = rng.permutation(200)
    np.testing.assert_array_equal(stratified_folds(labels[order], [groups[k] for k in order], 5), folds[order])
    assert (stratified_folds(labels, groups, 5, seed=1) != folds).any()


def test_small_data_gets_all_splits_and_large_data_holds_out_a_tenth():
    few = dataclasses.replace(make_dataset(12), labels=(np.arange(12) % 2).astype(np.uint8), split=np.full(12, "train"))
    counts = hold_out(few, ("val", "test")).counts()
    assert all(counts[split][name] >= 1 for split in counts for name in CLASS_NAMES[:2])
    many = make_dataset(FEW_FACES)
    many = hold_out(dataclasses.replace(many, split=np.full(FEW_FACES, "train", "<U5")), ("val",))
    assert 150 < len(many.where("val")) < 250
    assert many.split_rule == "moved a tenth of train to val, by a hash of the pixels"


def test_a_table_with_own_labels(tmp_path):
    pixels = " ".join(["7"] * 2304)
    path = tmp_path / "own.csv"
    path.write_text("label,pixels,split\n" + "".join(f"{w},{pixels},train\n" for w in ("wink", "sad", "wink", "Sad")))
    with pytest.raises(MoueError, match=r"'Sad' and 'sad', which are both the class 'sad'"):
        load_dataset(path)
    path.write_text("label,pixels,split\n" + "".join(f"{w},{pixels},train\n" for w in ("wink", "sad", "wink")))
    data = load_dataset(path)
    assert (data.class_names, data.labels.tolist()) == (("sad", "wink"), [1, 0, 1])
    path.write_text(f"label,pixels,split\nwink,{pixels},train\n3,{pixels},train\n")
    with pytest.raises(MoueError, match="the label is '3', expected the name of a class"):
        load_dataset(path)


def test_labels_are_matched_to_a_models_classes_by_name():
    data = dataclasses.replace(make_dataset(20), labels=np.arange(20, dtype=np.uint8) % 2, class_names=("happy", "sad"))
    joined = data.with_classes(CLASS_NAMES)
    assert joined.labels.tolist() == [3, 4] * 10
    assert joined.class_names == CLASS_NAMES
    with pytest.raises(MoueError, match=r"faces of the class happy(?s:.*)only sad, wink(?s:.*)Leave those"):
        data.with_classes(("sad", "wink"))
