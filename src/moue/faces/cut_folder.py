"""Crops the faces of a folder of photographs, for training: each face is one file in the same folder layout."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from moue.classifier.preprocess import SEED_INPUT, fit
from moue.errors import MoueError
from moue.faces.crop import LARGEST_CROP, cut_largest
from moue.media.decode import decode
from moue.media.files import CUT_MARK, is_litter
from moue.progress import ignore_progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from moue.classifier.input_spec import InputSpec
    from moue.faces.face import Detector
    from moue.progress import Progress


@dataclasses.dataclass
class CutFaces:
    """The outcome for the files of a folder.

    Attributes:
        num_faces: Number of faces written, one per image.
        without: Images in which no face was found; they are left out.
        several: Images with more than one face; the largest was used.
        others: Files that are not images; they are left out.
    """

    num_faces: int = 0
    without: list[str] = dataclasses.field(default_factory=list)
    several: list[str] = dataclasses.field(default_factory=list)
    others: list[str] = dataclasses.field(default_factory=list)


def cut_folder(
    source: str | Path,
    out: str | Path,
    detector: Detector,
    spec: InputSpec = SEED_INPUT,
    *,
    progress: Progress = ignore_progress,
) -> CutFaces:
    """Write the largest face of each image below `source` to the same place below `out`, cropped for the model.

    The folder appears only when it is complete.

    Args:
        source: A folder of photographs, in any subfolders.
        out: The folder to make; a folder that this function made earlier is replaced.
        detector: Finds the faces.
        spec: The model's input, which defines the crop.
        progress: Called with the number of files done and of all files.

    Raises:
        MoueError: `source` is not a folder, `out` holds something else, or no face was found at all.
    """
    source, out = Path(source), Path(out)
    if not source.is_dir():
        raise MoueError(f"{source} is not a folder", "a folder of photos", "Unpack an archive first.")
    if out.exists() and not (out / CUT_MARK).is_file():
        raise MoueError(f"{out} already exists", "a new folder for the faces", "Move it, or choose another folder.")
    files = sorted(
        file for file in source.rglob("*") if file.is_file() and not is_litter(str(file.relative_to(source)))
    )
    result = CutFaces()
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        for number, file in enumerate(files, 1):
            name = file.relative_to(source)
            face = _face_of(file, str(name), detector, spec, result)
            if face is not None:
                target = unfinished / name.with_name(f"{name.name}.png")
                target.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(face[..., 0]).save(target)
                result.num_faces += 1
            progress(number, len(files))
        if not result.num_faces:
            many = f"{len(files):,} file{'' if len(files) == 1 else 's'}"
            raise MoueError(f"no face was found in {source}, which has {many}", "photos with faces")
        (unfinished / CUT_MARK).touch()
        if out.exists():
            shutil.rmtree(out)
        unfinished.rename(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return result


def _face_of(file: Path, name: str, detector: Detector, spec: InputSpec, result: CutFaces) -> NDArray[np.uint8] | None:
    """Return the largest face of a file, (height, width, 1); None if there is none."""
    image = decode(file).image
    if image is None:
        result.others.append(name)
        return None
    face, num_faces = cut_largest(image, detector, spec)
    if face is None:
        if max(image.shape[:2]) <= LARGEST_CROP:
            return fit(image, spec)
        result.without.append(name)
        return None
    if num_faces > 1:
        result.several.append(name)
    return face
