"""What the edges of a picture mean, in words: for the legend, the caption and the window."""

from __future__ import annotations

from cnnvis.model.connections import Connections
from cnnvis.model.measurements import Edging
from cnnvis.model.network import Network
from cnnvis.model.session import Look, Session
from cnnvis.model.viewed import edging


def aim(network: Network, connections: Connections) -> str:
    """The name of the class that edges of mode "class" lead to; "" for other modes."""
    target = connections.target
    if connections.mode != "class" or target is None:
        return ""
    return network.classes[target] if target < len(network.classes) else f"output {target}"


def aim_of_cards(session: Session) -> str:
    """The name of the class that cards tell contributions to; "" where it is each sample's own class."""
    target, network = session.look.chosen, session.analysis.network
    if target is None or target not in session.measurements.contributions:
        return ""
    return network.classes[target] if target < len(network.classes) else f"output {target}"


def over_of_cards(session: Session) -> str:
    """The name of the subset over which cards of a viewed session tell contributions; "" for all samples."""
    return next((found.subset for found in session.measurements.contributions.values()), "")


def sign_words(network: Network, connections: Connections | None) -> tuple[str, str]:
    """What a blue edge does, and what an orange one does."""
    name = aim(network, connections) if connections is not None else ""
    return (f"speaks for {name}", f"speaks against {name}") if name else ("excites", "inhibits")


def over(session: Session) -> str:
    """Over which subset or image the edges of a viewed session are; "" where they are over all samples."""
    asked: Edging = edging(session.look)
    if session.connections is None or session.measurements.connections.get(asked) is not session.connections:
        return ""
    return asked.instance.rsplit("/", 1)[-1] or (f"“{asked.subset}”" if asked.subset else "")


def sign_line(session: Session) -> str:
    """What the cards of a viewed session add to and what the colours of its edges mean, in a line; else ""."""
    found = session.connections
    cards = []
    if session.look.facet == "features" and session.look.source == "extremes":
        cards = ["left half: drives a neuron most, right half: least"]
    if session.look.facet == "contribution" and session.measurements.contributions:
        part = over_of_cards(session)
        where = f" over “{part}”" if part else ""
        cards = [f"cards: contribution to {aim_of_cards(session) or 'own class'}{where}"]
    if found is None:
        return "".join(cards)
    network, where = session.analysis.network, over(session)
    name = aim(network, found)
    blue, orange = (f"speaks for {name}", "against it") if name else ("excites", "inhibits")
    parts = {"positive": f"blue {blue}", "negative": f"orange {orange if not name else f'speaks against {name}'}"}
    shown = [parts[session.look.signs]] if session.look.signs in parts else [parts["positive"], f"orange {orange}"]
    what = ["edges by weights alone"] if found.mode == "weights" else []
    return " · ".join([*cards, *([f"edges over {where}"] if where else []), *what, *shown])


def told(session: Session) -> str:
    """What the edges of a viewed session are, as half a sentence for a caption; "" where there are none."""
    found, network, look = session.connections, session.analysis.network, session.look
    if found is None:
        return ""
    name = aim(network, found)
    what = f"what flows from cluster to cluster to the score of {name}" if name else found.mode
    where = f" over {over(session)}" if over(session) else ""
    return f"Edges: {what}{where}, {_kept(look, name)}; {_colours(look, sign_words(network, found))}"


def _kept(look: Look, name: str) -> str:
    strongest = f"the strongest {100 * look.share:.0f} %"
    among = " of the sub-graph that matters for it" if name else ""
    return f"{strongest}{among} and each cluster's strongest"


def _colours(look: Look, words: tuple[str, str]) -> str:
    parts = {"positive": f"blue {words[0]}", "negative": f"orange {words[1]}"}
    return parts[look.signs] if look.signs in parts else ", ".join(parts.values())
