"""CPU milliseconds of each stage from a photo file to named expressions, on one core.

Run: python benchmarks/pipeline.py PHOTO... [--model RUN] [--detector NAME] [--detector-model FILE]

Medians over rounds, with one thread. The limit for a 640x480 photo with one face is 40 ms in total.
"""

from __future__ import annotations

import argparse
import statistics
import time

from moue.classifier.classifier import Classifier
from moue.faces import make_detector
from moue.recognition.analyzer import Analyzer

ROUNDS = 15


def main() -> int:
    """Print one row for each photo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--model", default="small")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--detector-model")
    options = parser.parse_args()
    detector = make_detector(options.detector, model=options.detector_model)
    analyzer = Analyzer(Classifier.load(options.model, threads=1), detector)
    stages_ms = " ".join(f"{name:>7}" for name in ("decode", "detect", "crop", "network"))
    print(f"{'photo':28} {'pixels':>11} {'faces':>5} {stages_ms} {'all, CPU':>8}")
    for photo in options.photos:
        results, cpu = [], []
        for _ in range(ROUNDS):
            began = time.process_time()
            results.append(analyzer.analyze(photo))
            cpu.append(1e3 * (time.process_time() - began))
        stages = [
            statistics.median(getattr(result.timings, name) for result in results)
            for name in ("decode_ms", "detection_ms", "preprocess_ms", "inference_ms")
        ]
        last = results[-1]
        numbers = " ".join(f"{value:7.1f}" for value in stages)
        size = f"{last.width}x{last.height}"
        print(f"{photo[-28:]:28} {size:>11} {len(last.faces):5} {numbers} {statistics.median(cpu):8.1f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
