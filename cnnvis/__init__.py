"""Look inside a trained network: trace it, record its responses, connect and cluster its neurons, draw, export.

The public names are resolved on first use: `import cnnvis` loads neither torch, scikit-learn nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cnnvis.compute import methods
    from cnnvis.compute.ablate import ablate
    from cnnvis.compute.attribute import attribute
    from cnnvis.compute.cluster import cluster, open_layers, recluster
    from cnnvis.compute.connect import connect
    from cnnvis.compute.contribute import contribute
    from cnnvis.compute.diagnose import diagnose
    from cnnvis.compute.instance import instance
    from cnnvis.compute.merge import merge
    from cnnvis.compute.record import record
    from cnnvis.compute.replay import Cache
    from cnnvis.compute.scorecard.card import scorecard
    from cnnvis.compute.spray import spray
    from cnnvis.compute.synthesise import icons, visualize
    from cnnvis.compute.together import attribute_all, together
    from cnnvis.compute.trace import trace
    from cnnvis.errors import Cancelled, CnnvisError
    from cnnvis.gui.app import show
    from cnnvis.layout.compose import draw
    from cnnvis.layout.confusion import confusion_diagram, confusion_matrix
    from cnnvis.layout.diagram import Diagram
    from cnnvis.layout.explanation_sheet import explanation_sheet
    from cnnvis.layout.matrix import matrix, matrix_diagram
    from cnnvis.layout.ridges import ridge_diagram
    from cnnvis.layout.together import together_diagram
    from cnnvis.layout.waterfall import waterfall_diagram
    from cnnvis.layout.weight_maps import weight_diagram
    from cnnvis.model.activations import Activations
    from cnnvis.model.analysis import Analysis, Recipe
    from cnnvis.model.attribution import Attribution
    from cnnvis.model.connections import Connections
    from cnnvis.model.distributions import distributions
    from cnnvis.model.document import Document
    from cnnvis.model.findings import Finding, findings
    from cnnvis.model.gates import mean_path
    from cnnvis.model.groups import Group
    from cnnvis.model.job import Job
    from cnnvis.model.measurements import Instance
    from cnnvis.model.network import Edge, Layer, Network
    from cnnvis.model.partition import Cluster, Partition
    from cnnvis.model.quality import silhouettes
    from cnnvis.model.scorecard import Scorecard
    from cnnvis.model.search import search
    from cnnvis.model.session import Look, Session
    from cnnvis.model.subsets import Subset
    from cnnvis.model.tables import Table, table
    from cnnvis.model.target import Target
    from cnnvis.model.together import GroupExplanation
    from cnnvis.model.viewed import viewed
    from cnnvis.painting.figure import export
    from cnnvis.sources.dataset import dataset
    from cnnvis.sources.one_picture import one_picture
    from cnnvis.storage.archive import load, save
    from cnnvis.storage.graphs import graph, write_graph
    from cnnvis.storage.tables import write_table
    from cnnvis.workflow.analyze import analyze
    from cnnvis.workflow.instances import lay_over
    from cnnvis.workflow.subsets import subset
    from cnnvis.workflow.together import explain_group

_HOMES = {
    "cnnvis.compute.ablate": ("ablate",),
    "cnnvis.compute.attribute": ("attribute",),
    "cnnvis.compute.cluster": ("cluster", "open_layers", "recluster"),
    "cnnvis.compute.connect": ("connect",),
    "cnnvis.compute.contribute": ("contribute",),
    "cnnvis.compute.diagnose": ("diagnose",),
    "cnnvis.compute.instance": ("instance",),
    "cnnvis.compute.merge": ("merge",),
    "cnnvis.compute.record": ("record",),
    "cnnvis.compute.replay": ("Cache",),
    "cnnvis.compute.scorecard.card": ("scorecard",),
    "cnnvis.compute.spray": ("spray",),
    "cnnvis.compute.synthesise": ("icons", "visualize"),
    "cnnvis.compute.together": ("attribute_all", "together"),
    "cnnvis.compute.trace": ("trace",),
    "cnnvis.errors": ("Cancelled", "CnnvisError"),
    "cnnvis.painting.figure": ("export",),
    "cnnvis.gui.app": ("show",),
    "cnnvis.layout.compose": ("draw",),
    "cnnvis.layout.confusion": ("confusion_diagram", "confusion_matrix"),
    "cnnvis.layout.diagram": ("Diagram",),
    "cnnvis.layout.explanation_sheet": ("explanation_sheet",),
    "cnnvis.layout.matrix": ("matrix", "matrix_diagram"),
    "cnnvis.layout.together": ("together_diagram",),
    "cnnvis.model.activations": ("Activations",),
    "cnnvis.model.analysis": ("Analysis", "Recipe"),
    "cnnvis.model.attribution": ("Attribution",),
    "cnnvis.model.connections": ("Connections",),
    "cnnvis.model.document": ("Document",),
    "cnnvis.model.findings": ("Finding", "findings"),
    "cnnvis.model.groups": ("Group",),
    "cnnvis.model.job": ("Job",),
    "cnnvis.model.measurements": ("Instance",),
    "cnnvis.model.network": ("Edge", "Layer", "Network"),
    "cnnvis.model.partition": ("Cluster", "Partition"),
    "cnnvis.model.quality": ("silhouettes",),
    "cnnvis.model.scorecard": ("Scorecard",),
    "cnnvis.model.search": ("search",),
    "cnnvis.model.session": ("Look", "Session"),
    "cnnvis.model.subsets": ("Subset",),
    "cnnvis.model.tables": ("Table", "table"),
    "cnnvis.model.target": ("Target",),
    "cnnvis.model.together": ("GroupExplanation",),
    "cnnvis.model.viewed": ("viewed",),
    "cnnvis.sources.dataset": ("dataset",),
    "cnnvis.sources.one_picture": ("one_picture",),
    "cnnvis.storage.archive": ("load", "save"),
    "cnnvis.storage.graphs": ("graph", "write_graph"),
    "cnnvis.storage.tables": ("write_table",),
    "cnnvis.workflow.analyze": ("analyze",),
    "cnnvis.workflow.instances": ("lay_over",),
    "cnnvis.workflow.subsets": ("subset",),
    "cnnvis.workflow.together": ("explain_group",),
    "cnnvis.layout.ridges": ("ridge_diagram",),
    "cnnvis.layout.waterfall": ("waterfall_diagram",),
    "cnnvis.layout.weight_maps": ("weight_diagram",),
    "cnnvis.model.distributions": ("distributions",),
    "cnnvis.model.gates": ("mean_path",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Activations",
    "Analysis",
    "Attribution",
    "Cache",
    "Cancelled",
    "Cluster",
    "CnnvisError",
    "Connections",
    "Diagram",
    "Document",
    "Edge",
    "Finding",
    "Group",
    "GroupExplanation",
    "Instance",
    "Job",
    "Layer",
    "Look",
    "Network",
    "Partition",
    "Recipe",
    "Scorecard",
    "Session",
    "Subset",
    "Table",
    "Target",
    "ablate",
    "analyze",
    "attribute",
    "attribute_all",
    "cluster",
    "confusion_diagram",
    "confusion_matrix",
    "connect",
    "contribute",
    "dataset",
    "diagnose",
    "distributions",
    "draw",
    "explain_group",
    "explanation_sheet",
    "export",
    "findings",
    "graph",
    "icons",
    "instance",
    "lay_over",
    "load",
    "matrix",
    "matrix_diagram",
    "mean_path",
    "merge",
    "methods",
    "one_picture",
    "open_layers",
    "recluster",
    "record",
    "ridge_diagram",
    "save",
    "scorecard",
    "search",
    "show",
    "silhouettes",
    "spray",
    "subset",
    "table",
    "together",
    "together_diagram",
    "trace",
    "viewed",
    "visualize",
    "waterfall_diagram",
    "weight_diagram",
    "write_graph",
    "write_table",
]


def __getattr__(name: str) -> Any:
    if name == "methods":
        return import_module("cnnvis.compute.methods")
    if name not in _MODULES:
        raise AttributeError(f"module 'cnnvis' has no attribute {name!r}")
    found = getattr(import_module(_MODULES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
