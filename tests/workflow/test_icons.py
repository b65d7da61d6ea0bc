"""Images drawn for the neurons of a session's layer."""

from __future__ import annotations

import numpy as np

from cnnvis.compute.methods import FeatureVisualization
from cnnvis.compute.visualize.normalise import Normalisation, learned
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.sources.dataset import dataset
from cnnvis.sources.scenes import MEAN, STD
from cnnvis.storage.archive import load, save
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.icons import drawn_icons
from cnnvis.workflow.sources import open_sources


def test_neurons_of_the_demo_are_drawn_beyond_its_scenes_and_kept_in_the_file(tmp_path) -> None:
    job = Job(
        NetworkSource("demo:healthy"),
        DataSource("demo:healthy", per_class=1),
        AnalysisPlan(probe_images=1, device="cpu"),
    )
    session = analyze(job)
    layer = session.analysis.groups[2].representative
    found = drawn_icons(session, open_sources(job), layer, range(4), FeatureVisualization(48))
    assert len(found.values) == 4
    assert np.isfinite(found.strongest).all()
    assert found.beyond >= 0.5
    again = load(save(session.with_icons(found), tmp_path / "mine"))
    assert again.synthesis.of(layer).drive.tolist() == found.drive.tolist()


def test_the_normalisation_of_the_demo_is_learned_from_its_scenes() -> None:
    found = learned(dataset("demo:healthy"), range(8), 3)
    assert isinstance(found, Normalisation)
    np.testing.assert_allclose(found.mean, MEAN, atol=2e-3)
    np.testing.assert_allclose(found.std, STD, atol=2e-3)
