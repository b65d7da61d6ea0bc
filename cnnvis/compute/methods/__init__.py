"""Explanation methods, one paper per file. `EVERY` lists them in the order in which they are offered,
by family. docs/methods.md has a section for each, in that order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from cnnvis.compute.method import Method
from cnnvis.compute.methods.activation_grid import ActivationGrid
from cnnvis.compute.methods.cam import Cam
from cnnvis.compute.methods.caricature import Caricature
from cnnvis.compute.methods.connection_weights import ConnectionWeights
from cnnvis.compute.methods.critical_path import CriticalPath
from cnnvis.compute.methods.dlime import Dlime
from cnnvis.compute.methods.dlime_as_published import DlimeAsPublished
from cnnvis.compute.methods.eigen_cam import EigenCam
from cnnvis.compute.methods.feature_visualization import FeatureVisualization
from cnnvis.compute.methods.fitted_cam import FittedCam
from cnnvis.compute.methods.grad_cam import GradCam
from cnnvis.compute.methods.grad_cam_plus_plus import GradCamPlusPlus
from cnnvis.compute.methods.gradient_times_input import GradientTimesInput
from cnnvis.compute.methods.guided_backprop import GuidedBackprop
from cnnvis.compute.methods.guided_grad_cam import GuidedGradCam
from cnnvis.compute.methods.hi_res_cam import HiResCam
from cnnvis.compute.methods.input_importance import InputImportance
from cnnvis.compute.methods.integrated_gradients import IntegratedGradients
from cnnvis.compute.methods.layer_cam import LayerCam
from cnnvis.compute.methods.lime import Lime
from cnnvis.compute.methods.lime_table import LimeTable
from cnnvis.compute.methods.neuron_mct import NeuronMct
from cnnvis.compute.methods.occlusion import Occlusion
from cnnvis.compute.methods.saliency import Saliency
from cnnvis.compute.methods.score_cam import ScoreCam
from cnnvis.compute.methods.smooth_grad import SmoothGrad
from cnnvis.compute.methods.soft_attention import SoftAttention
from cnnvis.compute.methods.votes import Votes
from cnnvis.compute.methods.weight_importance import WeightImportance
from cnnvis.errors import InvalidValue, UnknownName, did_you_mean

EVERY: tuple[type[Method], ...] = (
    # activation maps
    GradCam,
    HiResCam,
    GradCamPlusPlus,
    LayerCam,
    ScoreCam,
    EigenCam,
    Cam,
    FittedCam,
    SoftAttention,
    # gradients
    Saliency,
    GradientTimesInput,
    SmoothGrad,
    IntegratedGradients,
    GuidedBackprop,
    GuidedGradCam,
    InputImportance,
    # perturbation
    Occlusion,
    Lime,
    LimeTable,
    Dlime,
    DlimeAsPublished,
    # weights
    Votes,
    WeightImportance,
    ConnectionWeights,
    # paths
    CriticalPath,
    NeuronMct,
    # synthesis
    FeatureVisualization,
    Caricature,
    ActivationGrid,
)

__all__ = [
    "EVERY",
    "ActivationGrid",
    "Cam",
    "Caricature",
    "ConnectionWeights",
    "CriticalPath",
    "Dlime",
    "DlimeAsPublished",
    "EigenCam",
    "FeatureVisualization",
    "FittedCam",
    "GradCam",
    "GradCamPlusPlus",
    "GradientTimesInput",
    "GuidedBackprop",
    "GuidedGradCam",
    "HiResCam",
    "InputImportance",
    "IntegratedGradients",
    "LayerCam",
    "Lime",
    "LimeTable",
    "NeuronMct",
    "Occlusion",
    "Saliency",
    "ScoreCam",
    "SmoothGrad",
    "SoftAttention",
    "Votes",
    "WeightImportance",
    "by_title",
]


def by_title(title: str, parameters: Mapping[str, Any] | None = None) -> Method:
    """The method of a title or of its class's name, with parameters as an `Attribution` or a command line holds them.

    Lists become tuples. Raises UnknownName for another title, InvalidValue for a parameter that it does not have.
    """
    known = {key: kind for kind in EVERY for key in (kind.title, kind.__name__)}
    if title not in known:
        raise UnknownName(f"A method must be one of {', '.join(kind.title for kind in EVERY)}; got {title!r}. "
                          f"{did_you_mean(title, known)}")  # fmt: skip
    kind, given = known[title], dict(parameters or {})
    mine = {f.name for f in fields(kind) if not f.metadata.get("state")}  # type: ignore[arg-type]
    for name in given:
        if name not in mine:
            raise InvalidValue(
                f"{kind.__name__} must be given parameters it has ({', '.join(sorted(mine)) or 'none'}); got {name!r}. "
                f"{did_you_mean(name, mine) or 'Leave it out.'}"
            )
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in given.items()})
