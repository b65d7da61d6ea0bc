"""Layer groups changed by hand: two joined, one split, a boundary moved.

Every drawn layer stays in exactly one group, layers stay in topological order inside it, and where no edge led back
from a group to one left of it, none does afterwards. Groups that an edit does not touch stay the same objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.groups import Group, can_represent, common_path, span
from cnnvis.model.network import Network

Groups = tuple[Group, ...]


def joined(groups: Sequence[Group], network: Network, id: int) -> Groups:
    """The group `id` and the one right of it as one, under its id, represented by the right one's layer.

    Raises InvalidValue for the last group, and where the other one holds the classes: they keep their own column.
    """
    place = _place(groups, id)
    if place + 1 == len(groups):
        raise InvalidValue(f"A group must have another one right of it to be joined; {groups[place].name} is the last.")
    left, right = groups[place : place + 2]
    _keep_classes(network, right)
    layers = _ordered(network, (*left.layers, *right.layers))
    others = [g for g in groups if g not in (left, right)]
    first, last = _ends(left.name)[0], _ends(right.name)[1]
    name = _free(span(first, last, common_path([first, last])), others)
    return (*groups[:place], Group(left.id, name, layers, right.representative), *groups[place + 2 :])


def split(groups: Sequence[Group], network: Network, layer: str) -> Groups:
    """The group of a layer as two: `layer` is the first of the right one, which gets a new id.

    The representative stays where it is; the other part gets the last of its layers that can stand for it.
    Raises InvalidValue where a part would hold no layer with neurons.
    """
    place = _place_of(groups, layer)
    group = groups[place]
    cut = group.layers.index(layer)
    if cut == 0:
        raise InvalidValue(f"{group.name} must be split behind its first layer; got {layer}. Choose a later one.")
    if set(group.layers) & network.class_layers and not network.class_layers <= set(group.layers[cut:]):
        raise InvalidValue(f"The classes must stay together; {layer} lies between them. Choose an earlier layer.")
    others = [g for g in groups if g is not group]
    left = _part(network, group.id, group.layers[:cut], group, others)
    right = _part(network, max(g.id for g in groups) + 1, group.layers[cut:], group, [*others, left])
    return (*groups[:place], left, right, *groups[place + 1 :])


def begun(groups: Sequence[Group], network: Network, id: int, layer: str) -> Groups:
    """The boundary left of the group `id` moved: `layer`, of this group or the one left of it, is its first.

    Both keep their ids, and their representatives where these stay on their side. Raises InvalidValue for a layer
    of another group, the first group, and where a side would hold no layer with neurons.
    """
    found = beginnings(groups, network, id)
    if layer not in found:
        name = groups[_place(groups, id)].name
        raise InvalidValue(f"{name} must begin at one of {', '.join(found) or 'its own layers'}; got {layer!r}.")
    place = _place(groups, id)
    left, right = groups[place - 1 : place + 1]
    if right.layers[0] == layer:
        return tuple(groups)
    layers = _ordered(network, (*left.layers, *right.layers))
    cut = layers.index(layer)
    others = [g for g in groups if g not in (left, right)]
    before = _part(network, left.id, layers[:cut], left, others)
    behind = _part(network, right.id, layers[cut:], right, [*others, before])
    return (*groups[: place - 1], before, behind, *groups[place + 1 :])


def beginnings(groups: Sequence[Group], network: Network, id: int) -> tuple[str, ...]:
    """The layers at which the group `id` may begin, its present first one included; none for the first group."""
    place = _place(groups, id)
    if place == 0:
        return ()
    left, right = groups[place - 1 : place + 1]
    if _holds_classes(network, right):
        return ()
    layers = _ordered(network, (*left.layers, *right.layers))
    standing = [i for i, name in enumerate(layers) if _stands(network, name)]
    if not standing:
        return ()
    return layers[standing[0] + 1 : standing[-1] + 1]


def _stands(network: Network, name: str) -> bool:
    return name == network.output or can_represent(network[name])


def _holds_classes(network: Network, group: Group) -> bool:
    return bool(network.classes) and network.output in group.layers


def _keep_classes(network: Network, group: Group) -> None:
    if _holds_classes(network, group):
        raise InvalidValue(f"The classes must keep a column of their own; got a group to be joined with {group.name}.")


def _place(groups: Sequence[Group], id: int) -> int:
    for place, group in enumerate(groups):
        if group.id == id:
            return place
    raise UnknownName(f"A group id must be one of {[g.id for g in groups]}; got {id}.")


def _place_of(groups: Sequence[Group], layer: str) -> int:
    for place, group in enumerate(groups):
        if layer in group.layers:
            return place
    known = [name for group in groups for name in group.layers]
    raise UnknownName(f"A layer of a group must be named; got {layer!r}. {did_you_mean(layer, known)}")


def _ordered(network: Network, layers: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(layers, key=network.index))


def _part(network: Network, id: int, layers: tuple[str, ...], old: Group, others: Sequence[Group]) -> Group:
    """A group of these layers that keeps the representative of an old one where it holds it."""
    standing = [name for name in layers if _stands(network, name)]
    if not standing:
        raise InvalidValue(f"Each part of {old.name} must hold a layer with neurons; {', '.join(layers)} has none.")
    representative = old.representative if old.representative in layers else standing[-1]
    name = old.name if layers == old.layers else _free(_named(network, layers), others)
    return Group(id, name, layers, representative)


def _named(network: Network, layers: Sequence[str]) -> str:
    """The module that holds the layers, or the first and last of those one level below it."""
    paths = [network[name].module for name in layers if network[name].role == "compute"]
    paths = paths or [network[name].module for name in layers if network[name].module]
    if not paths:
        return network[layers[0]].kind
    base = common_path(paths)
    below = [path.removeprefix(base).lstrip(".").split(".")[0] for path in paths]
    if len(set(below)) == 1:
        return paths[0] if below[0] else base
    first, last = (f"{base}.{part}" if base else part for part in (below[0], below[-1]))
    return span(first, last, base)


def _ends(name: str) -> tuple[str, str]:
    """The first and last module of a group's name: features.0–2 is features.0 and features.2."""
    head, dash, tail = name.partition("–")
    if not dash:
        return name, name
    if tail.startswith(" "):
        return head.strip(), tail.strip()
    path = head.rpartition(".")[0]
    return head, f"{path}.{tail}" if path else tail


def _free(name: str, others: Sequence[Group]) -> str:
    """A name that no other group has."""
    taken = {group.name for group in others}
    if name not in taken:
        return name
    return next(found for i in range(2, len(taken) + 3) if (found := f"{name} ({i})") not in taken)
