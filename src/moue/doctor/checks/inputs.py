"""What is wrong with the faces themselves: type, range, layout, colours, orientation, negative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.doctor.arrays import looks_bgr, repair, turned_back, turns
from moue.doctor.drawn import drawn_faces
from moue.doctor.findings import Finding, Level
from moue.doctor.turn import MAX_TRIED
from moue.media.pixels import fit_gray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from moue.doctor.judge import Judge, Verdict
    from moue.doctor.patient import Patient

_DARK: Final = 64
_SAME: Final = 0.8  # with at least this correlation, the pixels are those of the drawn faces
_ZOOMS: Final = (1.0, 1.3, 1.6, 2.0, 0.75)
_CLEARLY: Final = 0.02


def check(patient: Patient) -> Iterator[Finding]:
    """Check the arrays, then find the orientation in which the model does best."""
    samples = patient.samples
    if samples is None:
        return
    repaired = repair(samples.images)
    for fault in repaired.faults:
        yield Finding("pixels", Level.PROBLEM, fault.text, fault.fix)
    if repaired.images is None:
        return
    if not repaired.faults:
        shape = "x".join(map(str, repaired.images.shape[1:]))
        yield Finding("pixels", Level.OK, f"{len(repaired.images)} faces of {shape}, uint8, in {samples.source}")
    if repaired.images.max() < _DARK:
        text = f"no pixel is brighter than {repaired.images.max()}: the faces are nearly black"
        yield Finding("pixels", Level.PROBLEM, text, "Were the pixels divided twice? Pixels go from 0 to 255.")
    if looks_bgr(repaired.images):
        text = f"your arrays look like BGR: {_swapped(patient.judge, repaired.images)} when the channels are swapped"
        yield Finding("colours", Level.PROBLEM, text, 'images[..., ::-1], or analyze(image, color="bgr").')
    own = list(_against_drawn(repaired.images))
    yield from own or _orientation(patient)


def _improve(before: Verdict, after: Verdict) -> str:
    return f"predictions improve from {before.words} to {after.words}"


def _swapped(judge: Judge, images: NDArray[np.uint8]) -> str:
    """Say how the predictions change when the channels are swapped: little, since moue's models see gray."""
    part = slice(0, MAX_TRIED)
    first, second = (judge.predict(np.ascontiguousarray(batch[part])) for batch in (images, images[..., ::-1]))
    before, after = judge.verdict(first, part), judge.verdict(second, part)
    if before.is_worse_than(after):
        return _improve(before, after)
    changed = int((first.argmax(axis=1) != second.argmax(axis=1)).sum())
    return f"{changed} of {len(first)} predictions change, from {before.words} to {after.words},"


def _orientation(patient: Patient) -> Iterator[Finding]:
    if patient.turn is None:
        return
    turn = patient.turn
    if turn.is_upright:
        yield Finding("upright", Level.OK, f"{turn.before.words}; no rotation or mirroring is better")
        return
    text = (
        f"the faces are {turn.name}: {_improve(turn.before, turn.after)} with {turn.undo}; "
        f"as they are, it predicts {turn.before.most}"
    )
    fix = "If rows and columns were swapped, use images.swapaxes(1, 2)." if "90" in turn.name else ""
    yield Finding("upright", Level.PROBLEM, text, fix, {"fix": turn.undo})


def _against_drawn(images: NDArray[np.uint8]) -> Iterator[Finding]:
    """Compare with moue's own drawn faces, if these are the same: this also detects mirroring and the crop."""
    faces = drawn_faces()
    if len(images) != len(faces.gray):
        return
    given = _standard(np.stack([fit_gray(image, (48, 48)) for image in images])[..., 0])
    best: tuple[float, str, str, float] = (0.0, "", "", 1.0)
    for zoom in _ZOOMS:
        wanted = _standard(np.stack([_zoomed(face, zoom) for face in faces.gray]))
        for name, undo, quarter, mirrored in turns():
            correlation = float((turned_back(given, quarter, mirrored=mirrored) * wanted).mean())
            for sign, extra in ((1, ""), (-1, "255 - images")):
                if sign * correlation > best[0] + (_CLEARLY if best[0] else 0):
                    words = "negatives: dark and bright are swapped" if extra else name
                    best = sign * correlation, words, extra or undo, zoom
    correlation, name, undo, zoom = best
    if correlation < _SAME:
        return
    values = {"correlation": round(correlation, 3), "zoom": zoom}
    if name:
        yield Finding("upright", Level.PROBLEM, f"the drawn faces came back {name}", undo, values)
    if zoom != 1.0:
        text = f"the drawn faces came back {'smaller' if zoom > 1 else 'larger'}: cropped {zoom:g} times as wide"
        yield Finding("crop", Level.PROBLEM, text, "Give the face alone, from chin to hairline and ear to ear.", values)
    if not name and zoom == 1.0:
        text = f"the drawn faces came back as they should (correlation {correlation:.3f})"
        yield Finding("upright", Level.OK, text, values=values)


def _zoomed(face: NDArray[np.uint8], zoom: float) -> NDArray[np.uint8]:
    """Return a face (48, 48) cropped `zoom` times as wide, with its border repeated."""
    wide = np.pad(face, 48, mode="edge")
    half = round(24 * zoom)
    return fit_gray(wide[72 - half : 72 + half, 72 - half : 72 + half, None], (48, 48))[..., 0]


def _standard(images: NDArray[Any]) -> NDArray[np.float64]:
    """Return each image (N, H, W) with mean 0 and variance 1, so that the mean of a product is a correlation."""
    values = images.astype(np.float64) - images.mean(axis=(1, 2), keepdims=True)
    result: NDArray[np.float64] = values / np.maximum(values.std(axis=(1, 2), keepdims=True), 1e-6)
    return result
