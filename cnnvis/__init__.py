"""Look inside a trained network: trace, record, connect, cluster, draw, export."""

__version__ = "0.1.0"
