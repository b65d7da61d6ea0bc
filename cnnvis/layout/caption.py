"""The sentences below a printed figure: what was run over what, how neurons were clustered, what is shown."""

from __future__ import annotations

from cnnvis.layout import edge_words
from cnnvis.layout.drawn_words import drawn_words
from cnnvis.model.analysis import Analysis
from cnnvis.model.gates import laid_path, path_said
from cnnvis.model.session import Facet, Session
from cnnvis.model.viewed import shown_subset

_SHOWN: dict[Facet, str] = {
    "features": "with the places in the images that drive their neurons most",
    "activations": "with the mean response of each neuron to each class",
    "contribution": "with the mean first-order effect of each neuron, by class of the images, on the score of",
    "health": "with the state of their neurons and weights",
}


def caption(session: Session, bundled: bool = False) -> str:
    """What a paper says below the figure of a session: network, samples, accuracy, facet, clusterer, seed, edges."""
    network, activations = session.analysis.network, session.activations
    parts = [network.name]
    if activations is not None:
        parts[0] += f" on {activations.noun.count(activations.n_samples)}"
        if subset := shown_subset(session):
            parts[0] += f" ({subset})"
        if activations.samples.accuracy is not None:
            parts[0] += f", accuracy {100 * activations.samples.accuracy:.1f} %"
        shown = _SHOWN[session.look.facet]
        if session.look.facet == "features":
            shown = drawn_words(session) or shown
        if session.look.facet == "contribution":
            shown += f" {edge_words.aim_of_cards(session) or 'the own class of its images'}"
        parts.append(f"Columns are groups of layers, cards are clusters of neurons {shown}")
        if session.look.instance and laid_path(session) is None:
            against = f" against {session.look.against}" if session.look.against else ""
            parts.append(f"Laid over: the responses to {session.look.instance}{against}")
    if laid := laid_path(session):
        parts.append(f"Laid over: {path_said(session, laid[0])}")
    if session.analysis.clusters:
        parts.append(clustered(session.analysis))
    if session.connections is not None:
        parts.append(edge_words.told(session))
        if bundled:
            parts.append("Boxes between columns join every cluster on their left to every one on their right")
    return session.noun.say(". ".join(parts) + ".")


def clustered(analysis: Analysis) -> str:
    """How the representatives' neurons were clustered: by which recipe and seed, and how many layers by hand."""
    layers = [g.representative for g in analysis.groups if g.representative in analysis.clusters]
    recipes = {analysis.recipe(layer) for layer in layers}
    seeds = sorted({recipe.seed for recipe in recipes})
    seed = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"
    names = sorted({str(recipe).replace("()", "") for recipe in recipes})
    by_hand = sum(layer in analysis.edited for layer in layers)
    changed = f", {by_hand} of {len(layers)} columns changed by hand" if by_hand else ""
    return f"Clustered by {', '.join(names)}, {seed}{changed}" if names else "Not clustered"
