"""CPU time per face of each shipped model and of `mini_xception`, the usual baseline, on one thread.

Run: python benchmarks/latency.py [ROUNDS]    (mini_xception is exported first, untrained: needs the extra 'train')

The models take turns within each round, so that other load affects all of them; prints medians over the rounds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from moue.classifier.locate import shipped_models
from moue.training.export_onnx import export_onnx
from moue.training.models import build_model

WEIGHTS = Path(__file__).parents[1] / "src" / "moue" / "weights"
FACES_PER_ROUND = 20


def open_session(path: Path) -> Any:
    """Return an ONNX Runtime session with one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def cpu_ms(session: Any, face: np.ndarray[Any, Any]) -> float:
    """Return CPU milliseconds per face."""
    name = session.get_inputs()[0].name
    start = time.process_time()
    for _ in range(FACES_PER_ROUND):
        session.run(None, {name: face})
    return 1e3 * (time.process_time() - start) / FACES_PER_ROUND


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    face = np.random.default_rng(0).integers(0, 256, (1, 48, 48, 1)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "mini_xception.onnx"
        export_onnx(build_model("mini_xception"), other, np.repeat(face.astype(np.uint8), 64, axis=0))
        paths = {**{name: WEIGHTS / f"{name}.onnx" for name in shipped_models()}, "mini_xception": other}
        sessions = {name: open_session(path) for name, path in paths.items()}
        times: dict[str, list[float]] = {name: [] for name in paths}
        for _ in range(rounds):
            for name, session in sessions.items():
                times[name].append(cpu_ms(session, face))
        print("| model | CPU ms per face, median | minimum | MB |\n|---|---|---|---|")
        for name, path in paths.items():
            size = path.stat().st_size / 1e6
            print(f"| {name} | {median(times[name]):.2f} | {min(times[name]):.2f} | {size:.2f} |")


if __name__ == "__main__":
    main()
