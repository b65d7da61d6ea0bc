from dataclasses import replace

import pytest

from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.session import Look
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.sources import open_sources
from cnnvis.workflow.unfold import joined, missing_pairs

JOB = Job(
    NetworkSource("demo:healthy"),
    DataSource("demo:healthy", per_class=1),
    AnalysisPlan(probe_images=2, device="cpu"),
)


@pytest.fixture(scope="module")
def sources():
    return open_sources(JOB)


@pytest.fixture(scope="module")
def session(sources):
    return analyze(JOB, sources=sources)


def test_a_fresh_picture_lacks_no_edges(session, sources):
    assert missing_pairs(session) == ()
    assert joined(session, sources) is session.connections


def test_an_expanded_group_gets_the_edges_between_its_layers(session, sources):
    wide = session.with_look(Look(expanded=frozenset({"stage1"})))
    wanted = missing_pairs(wide)
    assert ("stem.conv", "stage1.0.conv1") in wanted
    found = joined(wide, sources)
    assert set(wanted) <= set(found.pairs)
    assert set(session.connections.pairs) <= set(found.pairs)
    assert missing_pairs(replace(wide, connections=found)) == ()


def test_known_connections_stay_the_same_objects(session, sources):
    wide = session.with_look(Look(expanded=frozenset({"stage1"})))
    found = joined(wide, sources)
    for pair in session.connections.pairs:
        assert found.matrices[pair] is session.connections.matrices[pair]
