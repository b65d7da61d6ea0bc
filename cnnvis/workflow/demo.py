"""The embedded demo: three networks trained on drawn scenes, analysed live."""

from __future__ import annotations

from cnnvis.errors import UnknownName, did_you_mean
from cnnvis.model.job import DataSource, Job, NetworkSource

NETWORKS = {
    "healthy": "recognises ten kinds of drawn things",
    "shortcut": "looks at a coloured tag instead of the thing",
    "broken": "a failed training: a layer of dead neurons",
}


def demo_job(network: str = "healthy") -> Job:
    """The job that analyses one of the embedded networks on 500 fresh scenes."""
    if network not in NETWORKS:
        raise UnknownName(f"A demo network must be named; got {network!r}. {did_you_mean(network, NETWORKS)}")
    return Job(NetworkSource(f"demo:{network}", name=f"demo · {network}"), DataSource(f"demo:{network}"))
