from dataclasses import replace

import numpy as np
import pytest
import torch

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.measurements import Edging
from cnnvis.model.session import Look
from cnnvis.model.subsets import Subset
from cnnvis.model.viewed import edging, viewed
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.edges import edges, followed, known_edges, missing_pairs, with_edges
from cnnvis.workflow.sources import open_sources

JOB = Job(
    NetworkSource("demo:healthy"),
    DataSource("demo:healthy", per_class=1),
    AnalysisPlan(probe_images=2, device="cpu"),
)
ALL = Edging()


@pytest.fixture(scope="module")
def sources():
    """On one thread: small batches gain nothing by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield open_sources(JOB)
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def session(sources):
    return analyze(JOB, sources=sources)


def test_a_fresh_picture_lacks_no_edges(session, sources):
    assert missing_pairs(session, ALL) == ()
    assert edges(session, sources, ALL) is session.connections


def test_an_expanded_group_gets_the_edges_between_its_layers(session, sources):
    wide = session.with_look(Look(expanded=frozenset({"stage1"})))
    wanted = missing_pairs(wide, ALL)
    assert ("stem.conv", "stage1.0.conv1") in wanted
    found = edges(wide, sources, ALL)
    assert set(wanted) <= set(found.pairs)
    assert set(session.connections.pairs) <= set(found.pairs)
    assert missing_pairs(with_edges(wide, ALL, found), ALL) == ()


def test_known_connections_stay_the_same_objects(session, sources):
    wide = session.with_look(Look(expanded=frozenset({"stage1"})))
    found = edges(wide, sources, ALL)
    for pair in session.connections.pairs:
        assert found.matrices[pair] is session.connections.matrices[pair]


@pytest.mark.parametrize("asked", [Edging("weights"), Edging("class", 2)], ids=["weights", "class"])
def test_another_mode_is_measured_between_the_shown_layers_and_kept_beside_the_first(session, sources, asked):
    found = edges(session, sources, asked)
    assert (found.mode, found.target) == (asked.mode, asked.target)
    assert found.pairs == session.connections.pairs
    kept = with_edges(session, asked, found)
    assert kept.connections is session.connections
    assert known_edges(kept, asked) is found
    shown = kept.with_look(Look(mode=asked.mode, chosen=asked.target))
    assert viewed(shown).connections is found
    assert edges(shown, sources, asked) is found


def test_an_expanded_group_gets_the_missing_edges_of_the_mode_that_is_shown(session, sources):
    asked = Edging("class", 1)
    kept = with_edges(session, asked, edges(session, sources, asked))
    wide = kept.with_look(Look(mode="class", chosen=1, expanded=frozenset({"stage1"})))
    found = edges(wide, sources, edging(wide.look))
    assert ("stem.conv", "stage1.0.conv1") in found.pairs
    assert set(known_edges(kept, asked).pairs) <= set(found.pairs)
    assert (found.mode, found.target) == ("class", 1)


def test_edges_follow_a_subset_and_one_image(session, sources):
    samples = session.activations.samples
    of_two = replace(session, analysis=session.analysis.with_subset(Subset("two", samples=(0, 1))))
    some = edges(of_two, sources, Edging(subset="two"))
    one = edges(of_two, sources, Edging(instance=samples.names[0]))
    other = edges(of_two, sources, Edging(instance=samples.names[1]))
    assert (some.probe, one.probe, other.probe) == (2, 1, 1)
    for pair in some.pairs:
        mean = sum(c.between(*pair).astype("f8") * c.scales[pair] for c in (one, other)) / 2
        np.testing.assert_allclose(
            some.between(*pair).astype("f8") * some.scales[pair], mean, atol=2e-3 * some.scales[pair]
        )


def test_what_is_gone_has_no_edges_and_is_not_followed(session, sources):
    with pytest.raises(UnknownName, match="subset must be one that was defined"):
        edges(session, sources, Edging(subset="gone"))
    name = session.activations.groups[0]
    with pytest.raises(InvalidValue, match="Edges must be those of one image"):
        edges(session, sources, Edging(instance=f"mean of {name}"))
    for look in (Look(subset="gone"), Look(instance=f"mean of {name}"), Look(instance="gone")):
        assert followed(session.with_look(look)) == ALL
    look = Look(mode="class", chosen=3, instance=session.activations.samples.names[0])
    assert followed(session.with_look(look)) == edging(look)


def test_edges_that_were_not_measured_are_shown_for_all_samples_in_the_same_mode(session, sources):
    asked = Edging("class", 2)
    found = edges(session, sources, asked)
    look = Look(mode="class", chosen=2, instance=session.activations.samples.names[0])
    assert viewed(with_edges(session, asked, found).with_look(look)).connections is found
    assert viewed(session.with_look(look)).connections is session.connections
