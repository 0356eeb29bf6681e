"""The batch job over files, folders and videos: `predict` analyzes them, annotates them and writes a table."""

from moue.predict.listener import Listener
from moue.predict.options import PredictOptions
from moue.predict.run import predict
from moue.predict.summary import Summary

__all__ = ["Listener", "PredictOptions", "Summary", "predict"]
