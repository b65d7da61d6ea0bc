"""Contributions and knock-outs of a session, with the network of its job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnnvis.compute.replay import Cache
from cnnvis.errors import InvalidValue, ModelFailure
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.session import Session
from cnnvis.model.viewed import viewed
from cnnvis.progress import silent
from cnnvis.storage.archive import load, save
from cnnvis.workflow import contributions as module
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.contributions import contributions, knock_out, with_contributions
from cnnvis.workflow.sources import Sources, open_sources
from cnnvis.workflow.subsets import subset

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


def test_contributions_follow_the_subset_that_is_shown(session: Session, sources: Sources) -> None:
    some = subset(session, "few", classes=[0, 4])
    own, aimed = contributions(some, sources), contributions(some, sources, 2)
    np.testing.assert_array_equal(own.counts, viewed(some).activations.counts)  # type: ignore[union-attr]
    np.testing.assert_array_equal(aimed.counts, own.counts)
    whole = contributions(session, sources)
    full = own.counts == whole.counts
    assert np.flatnonzero(full).tolist() == [0, 4]
    np.testing.assert_allclose(own.total(LAYER)[:, full], whole.total(LAYER)[:, full], atol=1e-4)
    kept = with_contributions(with_contributions(some, own), whole)
    assert viewed(kept).measurements.own is own
    assert kept.measurements.own is whole


def test_a_subset_that_is_defined_anew_forgets_what_was_measured_over_it(session: Session, sources: Sources) -> None:
    some = subset(session, "few", samples=range(6))
    known = with_contributions(some, contributions(some, sources))
    assert viewed(subset(known, "few", samples=range(6))).measurements.own is not None
    assert viewed(subset(known, "few", samples=range(7))).measurements.own is None


def test_a_knock_out_and_its_estimate_follow_the_subset_that_is_shown(session: Session, sources: Sources) -> None:
    some = subset(session, "mixed", samples=[0, 1, 2, 3, 12])
    before = with_contributions(some, contributions(session, sources))
    after = knock_out(before, sources, {LAYER: (0,)}).measurements
    found, own = after.ablations[0], after.over("mixed").contributions[None]
    assert found.subset == "mixed"
    np.testing.assert_array_equal(found.counts, viewed(some).activations.counts)  # type: ignore[union-attr]
    np.testing.assert_allclose(found.foretold, -own.means(LAYER)[0])
    assert after.own is before.measurements.own


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
