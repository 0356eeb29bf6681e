"""The folder of a model in the layout of model hubs: model.onnx, model.json and the card README.md."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from moue.classifier.classifier import Classifier
from moue.classifier.community import KEY
from moue.errors import MoueError
from moue.files import refuse_existing, replacing, sha256_of, write_text
from moue.heads import EXPRESSION

_CARD: Final = """---
library_name: moue
pipeline_tag: image-classification
license: other
tags:
- facial-expression-recognition
- onnx
---

# {name}

Names the expression of a face, {height}x{width} gray pixels: {classes}.

```python
import moue

model = moue.Classifier.from_pretrained("OWNER/NAME", revision="COMMIT", sha256="{sha256}")
print(moue.analyze("photo.jpg", model=model))
```

`sha256` is that of `model.json`, which holds the SHA-256 of `model.onnx`. The outputs are {outputs}.

## Accuracy

{scores}

## Origin and licence

- Origin: {provenance}
{licence}

## Limits

An expression is not a feeling. The EU AI Act forbids inferring emotions at work and in schools (art. 5(1)(f)), and
people must be told where it is allowed (art. 50(3)).
"""


def write_hub_folder(model: str | Path, folder: str | Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write a model in the layout of a model hub's repository; nothing is uploaded.

    Args:
        model: As for `moue.Classifier.load`, but it must be an ONNX file that moue made.
        folder: Created if missing; other files in it stay.
        overwrite: Whether existing files may be replaced.

    Returns:
        The files: ``model.onnx``, ``model.json`` and ``README.md``.

    Raises:
        MoueError: the model cannot be loaded, or a file exists.
    """
    classifier, folder = Classifier.load(model), Path(folder)
    if classifier.path.suffix.lower() != ".onnx" or KEY in classifier.spec.extra:
        raise MoueError(
            f"{classifier.path} is not an ONNX file that moue made", "a run folder, an ONNX file or a shipped model"
        )
    onnx, description, card = files = tuple(folder / name for name in ("model.onnx", "model.json", "README.md"))
    if folder.resolve() == classifier.path.parent.resolve():
        raise MoueError(f"{folder} is the folder of the model itself", "another folder")
    for file in files:
        refuse_existing(file, overwrite=overwrite)
    with replacing(onnx) as temporary:
        shutil.copyfile(classifier.path, temporary)
    classifier.spec.save(description, overwrite=True)
    write_text(card, _card(classifier, sha256_of(description)))
    return files


def _card(classifier: Classifier, sha256: str) -> str:
    spec = classifier.spec
    val = spec.scores.get("val")
    scores = "It was not measured."
    if isinstance(val, dict) and "accuracy" in val:
        scores = f"`{spec.heads[0].name}`: {val['accuracy']:.1%} on the validation split, which also chose the epoch."
    return _CARD.format(
        name=spec.name,
        height=spec.input.height,
        width=spec.input.width,
        classes=", ".join(classifier.class_names),
        sha256=sha256,
        outputs=", ".join(f"`{name}`" for name in (EXPRESSION, "not_face", *classifier.heads[1:])),
        scores=scores,
        provenance=spec.provenance or "not stated",
        licence="\n".join(f"- {what}: {terms}" for what, terms in spec.license.items()) or "- Licence: not stated",
    )
