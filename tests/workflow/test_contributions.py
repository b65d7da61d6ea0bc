"""Contributions and knock-outs of a session, with the network of its job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnnvis.compute.replay import Cache
from cnnvis.errors import InvalidValue, ModelFailure
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.session import Look, Session
from cnnvis.model.subsets import Subset
from cnnvis.progress import silent
from cnnvis.storage.archive import load, save
from cnnvis.workflow import contributions as module
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.contributions import contributions, knock_out, with_contributions
from cnnvis.workflow.sources import Sources, open_sources

JOB = Job(
    NetworkSource("demo:healthy"), DataSource("demo:healthy", per_class=3), AnalysisPlan(probe_images=2, device="cpu")
)
LAYER = "stage2.1/add#0"


@pytest.fixture(scope="module")
def sources() -> Sources:
    return open_sources(JOB)


@pytest.fixture(scope="module")
def session(sources: Sources) -> Session:
    return analyze(JOB, sources=sources)


def test_every_recorded_layer_before_the_output_is_measured(session: Session, sources: Sources) -> None:
    found = contributions(session, sources)
    assert session.activations is not None
    assert set(found.layers) == set(session.activations.layers) - {"head"}
    np.testing.assert_array_equal(found.counts, session.activations.counts)
    assert with_contributions(session, found).measurements.own is found
    aimed = with_contributions(session, contributions(session, sources, 2))
    assert aimed.measurements.contributions[2].target == 2


def test_a_knock_out_is_kept_beside_its_estimate_and_survives_the_file(
    session: Session, sources: Sources, tmp_path: Path
) -> None:
    with Cache(folder=tmp_path) as cache:
        found = knock_out(session, sources, {LAYER: (0, 1, 2)}, cache=cache)
        again = knock_out(found, sources, {LAYER: (3, 4)}, "mean", cache=cache)
    assert [a.fill for a in again.measurements.ablations] == ["mean", "zero"]
    one = found.measurements.ablations[0]
    assert one.foretold is not None
    assert found.measurements.own is not None
    opened = load(save(again, tmp_path / "mine")).measurements.ablations[1]
    np.testing.assert_array_equal(opened.change, one.change)
    np.testing.assert_array_equal(opened.foretold, one.foretold)
    assert opened.silenced == ((LAYER, (0, 1, 2)),)


def test_a_knock_out_follows_the_subset_that_is_shown(session: Session, sources: Sources) -> None:
    analysis = session.analysis.with_subset(Subset("two", classes=(0, 4)))
    some = replace(session, analysis=analysis, look=Look(subset="two"))
    found = knock_out(some, sources, {LAYER: (0,)}).measurements.ablations[0]
    assert found.subset == "two"
    np.testing.assert_array_equal(np.flatnonzero(found.counts), [0, 4])
    assert found.foretold is not None
    np.testing.assert_array_equal(np.isfinite(found.foretold), found.counts > 0)


def test_a_network_that_cannot_be_differentiated_is_knocked_out_all_the_same(
    session: Session, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ModelFailure("no way back")

    monkeypatch.setattr(module, "contributions", failing)
    found = knock_out(session, sources, {LAYER: (0,)}, progress=silent).measurements
    assert found.own is None
    assert found.ablations[0].foretold is None


def test_what_makes_no_sense_is_refused_before_anything_runs(session: Session, sources: Sources) -> None:
    with pytest.raises(InvalidValue, match="before the output"):
        knock_out(session, sources, {"head": range(10)}, progress=_never)
    with pytest.raises(InvalidValue, match="must be recorded before"):
        knock_out(replace(session, activations=None), sources, {LAYER: (0,)})


def _never(done: int, total: int, what: str = "") -> None:
    raise AssertionError("nothing may run")
