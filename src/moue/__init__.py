"""moue: facial expression recognition, from fer2013.csv to a trained, evaluated and exported model that predicts.

The names below are loaded when first used, so that ``import moue`` costs nothing and prediction never loads Keras.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from moue.errors import MissingExtraError, MoueError
from moue.labels import CLASS_NAMES, FERPLUS_NAMES

if TYPE_CHECKING:
    __version__: str
    from moue.classifier.classifier import Classifier
    from moue.classifier.ensemble import Ensemble
    from moue.data.audit.audit import audit
    from moue.data.dataset import Dataset
    from moue.data.load import load_dataset, load_fer2013
    from moue.data.synthetic.dataset import synthesize
    from moue.doctor.diagnose import diagnose
    from moue.doctor.findings import Diagnosis
    from moue.drawing.draw import draw
    from moue.evaluation.corruptions import corrupt
    from moue.evaluation.evaluate import evaluate
    from moue.evaluation.evaluation import Evaluation
    from moue.evaluation.measure_robustness import measure_robustness
    from moue.evaluation.report import write_report
    from moue.evaluation.robustness import Robustness
    from moue.evaluation.tta import with_views
    from moue.faces.face import Detector, Face
    from moue.media.open_video import open_video
    from moue.recognition.analyze import analyze, analyze_many
    from moue.recognition.analyzer import Analyzer
    from moue.recognition.explain import Explanation, FaceExplanation, explain
    from moue.recognition.face_result import FaceResult, TrackedFace
    from moue.recognition.frame_result import FrameResult
    from moue.recognition.image_result import ImageResult
    from moue.recognition.rows import to_df
    from moue.recognition.stream import analyze_stream
    from moue.training.config import TrainConfig
    from moue.training.distill import teach
    from moue.training.export_formats import export_network
    from moue.training.export_onnx import ExportResult, export_onnx
    from moue.training.finetune import finetune_config
    from moue.training.models.registry import build_model, list_models
    from moue.training.train import TrainResult, train
    from moue.training.tuning.budget import Budget
    from moue.training.tuning.confirm import Confirm
    from moue.training.tuning.listener import TuneListener
    from moue.training.tuning.options import TuneOptions
    from moue.training.tuning.results import TuneResult
    from moue.training.tuning.tune import tune

__all__ = [
    "CLASS_NAMES",
    "FERPLUS_NAMES",
    "Analyzer",
    "Budget",
    "Classifier",
    "Confirm",
    "Dataset",
    "Detector",
    "Diagnosis",
    "Ensemble",
    "Evaluation",
    "Explanation",
    "ExportResult",
    "Face",
    "FaceExplanation",
    "FaceResult",
    "FrameResult",
    "ImageResult",
    "MissingExtraError",
    "MoueError",
    "Robustness",
    "TrackedFace",
    "TrainConfig",
    "TrainResult",
    "TuneListener",
    "TuneOptions",
    "TuneResult",
    "__version__",
    "analyze",
    "analyze_many",
    "analyze_stream",
    "audit",
    "build_model",
    "corrupt",
    "diagnose",
    "draw",
    "evaluate",
    "explain",
    "export_network",
    "export_onnx",
    "finetune_config",
    "list_models",
    "load_dataset",
    "load_fer2013",
    "measure_robustness",
    "open_video",
    "synthesize",
    "teach",
    "to_df",
    "train",
    "tune",
    "with_views",
    "write_report",
]

_MODULES = {
    "Face": "moue.faces.face",
    "Detector": "moue.faces.face",
    "Diagnosis": "moue.doctor.findings",
    "diagnose": "moue.doctor.diagnose",
    "draw": "moue.drawing.draw",
    "load_dataset": "moue.data.load",
    "open_video": "moue.media.open_video",
    "TrainResult": "moue.training.train",
    "ExportResult": "moue.training.export_onnx",
    "Analyzer": "moue.recognition.analyzer",
    "Classifier": "moue.classifier.classifier",
    "Dataset": "moue.data.dataset",
    "FaceResult": "moue.recognition.face_result",
    "FrameResult": "moue.recognition.frame_result",
    "ImageResult": "moue.recognition.image_result",
    "TrackedFace": "moue.recognition.face_result",
    "Ensemble": "moue.classifier.ensemble",
    "Evaluation": "moue.evaluation.evaluation",
    "TrainConfig": "moue.training.config",
    "analyze": "moue.recognition.analyze",
    "analyze_many": "moue.recognition.analyze",
    "analyze_stream": "moue.recognition.stream",
    "audit": "moue.data.audit.audit",
    "Robustness": "moue.evaluation.robustness",
    "measure_robustness": "moue.evaluation.measure_robustness",
    "corrupt": "moue.evaluation.corruptions",
    "build_model": "moue.training.models.registry",
    "evaluate": "moue.evaluation.evaluate",
    "Explanation": "moue.recognition.explain",
    "FaceExplanation": "moue.recognition.explain",
    "explain": "moue.recognition.explain",
    "export_network": "moue.training.export_formats",
    "export_onnx": "moue.training.export_onnx",
    "finetune_config": "moue.training.finetune",
    "list_models": "moue.training.models.registry",
    "load_fer2013": "moue.data.load",
    "to_df": "moue.recognition.rows",
    "synthesize": "moue.data.synthetic.dataset",
    "teach": "moue.training.distill",
    "train": "moue.training.train",
    "Budget": "moue.training.tuning.budget",
    "Confirm": "moue.training.tuning.confirm",
    "TuneListener": "moue.training.tuning.listener",
    "TuneOptions": "moue.training.tuning.options",
    "TuneResult": "moue.training.tuning.results",
    "tune": "moue.training.tuning.tune",
    "with_views": "moue.evaluation.tta",
    "write_report": "moue.evaluation.report",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (any public name)
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 (slow, rarely needed)

        return version("moue")
    if name in _MODULES:
        value = getattr(importlib.import_module(_MODULES[name]), name)
        # Keep it: a later import of a module such as moue.training.export_onnx must not hide the function of that name.
        globals()[name] = value
        return value
    raise AttributeError(f"module 'moue' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
