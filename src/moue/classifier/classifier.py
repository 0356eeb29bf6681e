"""`Classifier`: an exported model and its description, run by ONNX Runtime, LiteRT or OpenVINO."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from moue.classifier import engines, pretrained
from moue.classifier.locate import DEFAULT_MODEL, FIX, WEIGHTS, locate
from moue.classifier.preprocess import iter_batches
from moue.classifier.protocol import FacePredictions
from moue.classifier.runtime import CPU, usable_cpus
from moue.errors import MoueError, SettingError
from moue.heads import EXPRESSION, NOT_FACE
from moue.probabilities import apply_temperature

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.classifier.input_spec import InputSpec
    from moue.classifier.preprocess import Images
    from moue.classifier.session import Session
    from moue.classifier.spec import ModelSpec


class Classifier:
    """A model that predicts the expression of face images; make one with `Classifier.load`.

    It can be pickled and copied: the copy reopens the same files.

    Attributes:
        spec: The description beside the model file.
        path: The ONNX, LiteRT or OpenVINO file.
    """

    def __init__(
        self,
        spec: ModelSpec,
        session: Session,
        path: Path,
        *,
        threads: int | None = None,
        device: str = CPU,
    ) -> None:
        self.spec = spec
        self.path = path
        self._threads = threads
        self._device = device
        self._session = session
        self._input = session.get_inputs()[0].name

    def __repr__(self) -> str:
        return f"Classifier({self.spec.name!r} from {self.path})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The path of a shipped model differs between machines; its name does not.
        where = self.path.stem if self.path.parent == WEIGHTS else self.path.absolute()
        return _reopen, (where, self._threads, self._device, self.fingerprint)

    @classmethod
    def load(
        cls, name_or_path: str | Path = DEFAULT_MODEL, *, threads: int | None = None, device: str = CPU
    ) -> Classifier:
        """Load a model and check it against its description.

        Args:
            name_or_path: The name of a model that moue ships (text, by default "small"), a run folder (with
                ``model.onnx`` and ``model.json``), an ONNX file (``NAME.onnx`` with ``NAME.json`` beside it), a LiteRT
                file (``NAME.tflite`` with ``NAME.tflite.json``; extra ``litert``) or an OpenVINO file (``NAME.xml``
                with ``NAME.bin`` and ``NAME.xml.json``; extra ``openvino``); the last two run on the CPU. For ONNX
                files that other projects published, see `moue.classifier.community`.
            threads: CPU threads per prediction; None uses the CPUs that this process may use, at most 8.
            device: Where the model runs: "cpu", "cuda", "coreml" or "directml"; "auto" picks the best that ONNX
                Runtime offers. If the device is missing, a warning is issued and the CPU is used.

        Raises:
            MoueError: a file is missing or damaged, or the model does not match its description.
        """
        if threads is not None and threads < 1:
            raise SettingError(f"threads is {threads}", "1 or more")
        path = locate(name_or_path)
        spec, session = engines.open_network(path, threads=threads or usable_cpus(), device=device)
        return cls(spec, session, path, threads=threads, device=device)

    @classmethod
    def from_pretrained(
        cls, name: str, *, sha256: str, revision: str = "", threads: int | None = None, device: str = CPU
    ) -> Classifier:
        """Load a model from an HTTPS address; it is downloaded once and then works offline.

        Only the two files of the pair are downloaded. ONNX Runtime runs the network; no code in them is executed.

        Args:
            name: The address of an ONNX file whose description has the same address with ``.json``; or
                ``owner/name``, a repository of the Hugging Face hub with ``model.onnx`` and ``model.json``.
            sha256: The SHA-256 of the description, which holds that of the ONNX file: one checksum pins both.
            revision: The commit of the repository, 40 hexadecimal digits.
            threads: As for `load`.
            device: As for `load`.

        Raises:
            MoueError: an argument is wrong, the files cannot be downloaded, or a checksum does not match.
        """
        path = pretrained.fetch_pair(pretrained.address_of(name, revision), sha256)
        return cls.load(path, threads=threads, device=device)

    def through(self, wrap: Callable[[Session], Any]) -> Classifier:
        """Return the same model behind another session, such as one that batches the calls of many threads.

        Args:
            wrap: Takes the session and returns an object with the same `run` and `get_inputs`.
        """
        return Classifier(self.spec, wrap(self._session), self.path, threads=self._threads, device=self._device)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of `expression`, in the order of `predict_proba`'s columns.

        The classes of a raw head are ``spec.head(name).class_names``.
        """
        return self.spec.expression.class_names

    @property
    def classes_(self) -> tuple[str, ...]:
        """`class_names`, under scikit-learn's name."""
        return self.class_names

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads that `predict_proba` accepts: "expression", then the raw heads by name."""
        return (EXPRESSION, *(head.name for head in self.spec.heads))

    @property
    def input(self) -> InputSpec:
        """How a face is cropped and turned into the model's input."""
        return self.spec.input

    @property
    def not_face_above(self) -> float:
        """A detected face is dropped if `not_face` is above this, 0-1."""
        return self.spec.expression.not_face_above

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that change whenever the predictions may change."""
        # Predictions depend on the description too: it holds the temperatures and the crop.
        spec = self.spec.to_dict()
        parts = [spec[part] for part in ("onnx_sha256", "input", "heads", "expression")]
        content = json.dumps([*parts, *engines.identity_of(self.spec, self.path)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def predict(self, images: Images, *, batch_size: int = 64) -> NDArray[np.str_]:
        """Return the name of the most probable class of each face.

        Args:
            images: As for `predict_proba`.
            batch_size: As for `predict_proba`.

        Returns:
            Text (N,).

        Raises:
            MoueError: as `predict_proba`.
        """
        best = self.predict_proba(images, batch_size=batch_size).argmax(axis=1)
        names: NDArray[np.str_] = np.array(self.class_names)[best]
        return names

    def predict_proba(
        self, images: Images, *, head: str = EXPRESSION, calibrated: bool = True, batch_size: int = 64
    ) -> NDArray[np.float32]:
        """Return the probability of each class for each face.

        Args:
            images: uint8 pixels, 0-255, any size, gray or RGB: one image, a batch or a list, as
                `moue.classifier.preprocess.prepare` reads them.
            head: "expression" gives the same probabilities as `moue.analyze`; any other name of `heads` is a raw
                head, e.g. "emotion", which the FER2013 benchmark is scored with.
            calibrated: Apply the temperature of a raw head (Guo et al. 2017, arXiv:1706.04599); False returns the
                output as it is. "expression" is always calibrated.
            batch_size: Faces per run; beyond rounding, it does not change the result.

        Returns:
            float32 (N, K), rows sum to 1; (0, K) for zero faces.

        Raises:
            MoueError: unknown head, "expression" uncalibrated, images that `prepare` refuses, or outputs that are not
                probabilities.
        """
        if head == EXPRESSION and not calibrated:
            raise MoueError(
                "expression is always calibrated", "a raw head with calibrated=False", 'Name one: head="emotion".'
            )
        self._check_head(head)
        return self._predict(images, (head,), batch_size, calibrated=calibrated)[head]

    def predict_heads(
        self, images: Images, *, calibrated: bool = True, batch_size: int = 64
    ) -> dict[str, NDArray[np.float32]]:
        """Return the probabilities of all `heads` by name, in one pass; "expression" is always calibrated."""
        return self._predict(images, self.heads, batch_size, calibrated=calibrated)

    def predict_faces(self, images: Images, *, batch_size: int = 64) -> FacePredictions:
        """Return expression and not_face of each face in one pass; arguments and errors as `predict_proba`."""
        outputs = self._run_all(images, (EXPRESSION, NOT_FACE), batch_size)
        return FacePredictions(outputs[EXPRESSION], outputs[NOT_FACE][:, 0])

    def run_prepared(self, batch: NDArray[np.float32], *, head: str = EXPRESSION) -> NDArray[np.float32]:
        """Return the raw output for a prepared batch, uncalibrated; for comparisons and timing.

        Args:
            batch: float32 (N, height, width, 1), 0-255, N of 1 or more, as `prepare` returns.
            head: A name of `heads`.

        Returns:
            float32 (N, K), rows sum to 1.

        Raises:
            MoueError: unknown head, or the output is not probabilities.
        """
        self._check_head(head)
        return self._run(batch, (head,))[0]

    def _check_head(self, head: str) -> None:
        if head not in self.heads:
            raise MoueError(f"there is no head {head!r}", f"one of {', '.join(self.heads)}")

    def _predict(
        self, images: Images, heads: tuple[str, ...], batch_size: int, *, calibrated: bool
    ) -> dict[str, NDArray[np.float32]]:
        result = self._run_all(images, heads, batch_size)
        for head in self.spec.heads if calibrated else ():
            y_prob = result.get(head.name)
            if y_prob is not None and len(y_prob) and head.temperature != 1.0:
                result[head.name] = apply_temperature(y_prob, head.temperature).astype(np.float32)
        return result

    def _run_all(self, images: Images, names: tuple[str, ...], batch_size: int) -> dict[str, NDArray[np.float32]]:
        """Return the named outputs, float32 (N, columns) each."""
        parts = [self._run(batch, names) for batch in iter_batches(images, self.spec.input, batch_size)]
        if len(parts) == 1:
            return dict(zip(names, parts[0], strict=True))
        return {
            name: np.concatenate([np.zeros((0, self._width(name)), np.float32), *(part[k] for part in parts)])
            for k, name in enumerate(names)
        }

    def _run(self, batch: NDArray[np.float32], names: Sequence[str]) -> list[NDArray[np.float32]]:
        outputs: list[NDArray[np.float32]] = self._session.run(
            [name if name in (EXPRESSION, NOT_FACE) else self.spec.head(name).output for name in names],
            {self._input: batch},
        )
        for name, values in zip(names, outputs, strict=True):
            expected = (len(batch), self._width(name))
            if values.shape != expected:
                raise MoueError(f"{self.path} outputs {values.shape} for {len(batch)} faces", str(expected), FIX)
            # NaN fails both comparisons.
            is_valid = values.max() <= 1.001 if name == NOT_FACE else np.abs(values.sum(axis=1) - 1).max() < 1e-3
            if not (values.min() >= 0 and is_valid):
                raise MoueError(
                    f"output {name!r} of {self.path} gives no probabilities",
                    "values of 0 or more that sum to 1",
                    "Export a network that ends in softmax and whose training did not diverge.",
                )
        return outputs

    def _width(self, name: str) -> int:
        if name == NOT_FACE:
            return 1
        return len(self.class_names if name == EXPRESSION else self.spec.head(name).class_names)


def _reopen(where: str | Path, threads: int | None, device: str, fingerprint: str) -> Classifier:
    classifier = Classifier.load(where, threads=threads, device=device)
    if classifier.fingerprint != fingerprint:
        raise MoueError(
            f"{classifier.path} has changed since the Classifier was pickled", "the same network", "Load it again."
        )
    return classifier
