"""Batch prediction on many machines with Ray; needs the extra ``cluster``."""

from moue.cluster.job import predict_on_cluster
from moue.cluster.options import ClusterOptions

__all__ = ["ClusterOptions", "predict_on_cluster"]
