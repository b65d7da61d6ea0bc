"""A printed figure says how it was made."""

from dataclasses import replace

from sessions import made_up_session

from cnnvis.layout.caption import caption, clustered
from cnnvis.layout.edge_words import sign_line
from cnnvis.model.analysis import Recipe
from cnnvis.model.measurements import Contributions, Measurements
from cnnvis.model.subsets import Subset
from cnnvis.model.viewed import viewed


def test_the_caption_names_network_samples_clusterer_and_seed():
    session = made_up_session()
    text = caption(session)
    assert text.startswith(session.analysis.network.name)
    assert f"on {session.activations.n_samples:,} images" in text
    assert "Clustered by KMeans" in text
    assert ", seed 0." in text
    assert "Edges" in text


def test_the_caption_says_what_the_cards_show():
    session = made_up_session()
    texts = {caption(session.with_look(replace(session.look, facet=f))) for f in ("features", "activations", "health")}
    assert len(texts) == 3


def test_other_recipes_and_hands_are_told():
    analysis = made_up_session().analysis
    layer = analysis.groups[0].representative
    analysis = analysis.with_recipe(layer, Recipe("MeanShift", seed=3), analysis.clusters[layer])
    analysis = analysis.with_clusters("conv2", analysis.clusters["conv2"].rename(0, "ears"))
    text = clustered(analysis)
    assert "MeanShift, seeds 0, 3" in text
    assert "1 of" in text
    assert "by hand" in text


def test_a_subset_and_an_image_laid_over_are_told():
    session = made_up_session()
    look = replace(session.look, subset="wrong ones", instance="a.png", against="b.png")
    assert "(wrong ones)" not in caption(session.with_look(look))  # nobody has defined it
    defined = session.analysis.with_subset(Subset("wrong ones", wrong=True))
    text = caption(viewed(session.with_analysis(defined).with_look(look)))
    assert "(wrong ones)" in text
    assert "a.png against b.png" in text


def test_what_contributions_go_to_is_told():
    session = made_up_session()
    look = replace(session.look, facet="contribution", chosen=1)
    assert "on the score of the own class of its images" in caption(session.with_look(look))
    to_one = Contributions({}, session.activations.counts, 1)
    session = session.with_measurements(Measurements({1: to_one})).with_look(look)
    assert "on the score of class 1" in caption(session)
    assert sign_line(session).startswith("cards: contribution to class 1 · blue")
    defined = session.with_analysis(session.analysis.with_subset(Subset("some", classes=(1,))))
    shown = defined.with_look(replace(look, subset="some"))
    assert "cards: contribution" not in sign_line(viewed(shown))
    part = shown.measurements.with_contributions(replace(to_one, subset="some"))
    assert "contribution to class 1 over “some” · " in sign_line(viewed(shown.with_measurements(part)))
