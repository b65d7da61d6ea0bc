"""Groups of layers: the columns of the picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from cnnvis.errors import InvalidValue
from cnnvis.model.network import Layer, Network

Rule = Literal["modules", "runs", "layers"]

MOST_COLUMNS = 12
# Structural nodes that only route or pool values: never what a group shows.
_ROUTERS = (
    "pool", "pad", "flatten", "mean", "drop", "identity", "upsample", "interpolate", "shuffle", "sum", "softmax",
    "permute",
)  # fmt: skip

Key = tuple[str, ...]  # whatever tells groups apart while they are formed


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring layers shown as one column, and the layer that stands for them.

    `layers` are names of drawn layers in topological order; `representative` is one of them.
    """

    id: int
    name: str
    layers: tuple[str, ...]
    representative: str


def layer_groups(network: Network, rule: Rule = "modules") -> tuple[Group, ...]:
    """The columns of a network's picture, in topological order, the one with the output last.

    modules: the network's own top-level modules, or those one level down (`features.3`) where one or two of them
    hold everything; where that gives more than 12 columns, neighbouring modules whose maps have the same size form
    one. runs: maximal runs of layers between changes of the map's size, concatenations and changes of kind,
    parallel branches together. layers: each layer alone. A
    linear layer that all data pass through is always a group of its own. A group's representative is its output:
    the sum or concatenation that ends it, not a pooling behind it. Inputs are in no group.
    """
    if rule not in get_args(Rule):
        raise InvalidValue(f"The rule for groups must be one of {', '.join(get_args(Rule))}; got {rule!r}.")
    plan = _Plan(network)
    if rule == "layers":
        return plan.groups(lambda layer: (layer.name,))
    if rule == "runs":
        return plan.by_runs()
    return plan.by_modules()


def neighbours(groups: Sequence[Group], network: Network) -> tuple[tuple[str, str], ...]:
    """The pairs of representatives that are directly connected, in topological order.

    Directly: some path leads from one to the other past no other representative, so skip connections over
    several columns are among them.
    """
    sinks: defaultdict[str, list[str]] = defaultdict(list)
    for edge in network.drawn_edges:
        sinks[edge.source].append(edge.sink)
    shown = {group.representative for group in groups}
    pairs = []
    for source in sorted(shown, key=network.index):
        seen: set[str] = set()
        todo = list(sinks[source])
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            if name not in shown:
                todo += sinks[name]
        pairs += [(source, sink) for sink in sorted(seen & shown, key=network.index)]
    return tuple(pairs)


def can_represent(layer: Layer) -> bool:
    """Whether a layer can stand for a group: it computes, merges or rescales, and has units."""
    if not layer.n_units:
        return False
    return layer.role == "compute" or not any(word in layer.kind.lower() for word in _ROUTERS)


class _Plan:
    """The drawn layers of a network, ready to be grouped by any key."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers = [layer for layer in network.drawn if layer.role != "input"]
        self.sources: defaultdict[str, list[str]] = defaultdict(list)
        for edge in network.drawn_edges:
            self.sources[edge.sink].append(edge.source)
        self.trunk = _trunk(network)

    def alone(self, layer: Layer) -> bool:
        """Whether a layer is a group of its own whatever the rule."""
        linear = layer.kind in ("Linear", "linear") and not layer.spatial
        return linear and layer.role == "compute" and layer.name in self.trunk

    # -- by modules ------------------------------------------------------------------------------------------------

    def by_modules(self) -> tuple[Group, ...]:
        """Top-level modules, taken apart where they are too few or one holds nearly everything."""
        prefixes = {_first(layer.module) for layer in self.layers if layer.module}
        found = self._prefixed(prefixes)
        while len(found) <= MOST_COLUMNS:
            biggest, share = self._biggest(prefixes)
            several = len(found) - sum(self.alone(self.network[g.representative]) for g in found) >= 3
            finer = prefixes - {biggest} | {_first(path, biggest) for path in self._inside(biggest)}
            if (several and share <= 0.75) or finer == prefixes:
                return found
            split = self._prefixed(finer)
            if len(split) > MOST_COLUMNS:
                joined = self._joined(split)
                return joined if len(found) < len(joined) <= MOST_COLUMNS else found
            prefixes, found = finer, split
        joined = self._joined(found)
        return joined if len(joined) <= MOST_COLUMNS else min(joined, self.by_runs(), key=len)

    def _joined(self, groups: tuple[Group, ...]) -> tuple[Group, ...]:
        """Neighbouring groups whose responses have maps of one size as one."""
        keys: dict[str, Key] = {}
        runs: list[list[Group]] = []
        for group in groups:
            layer = self.network[group.representative]
            before = self.network[runs[-1][-1].representative] if runs else None
            same = before is not None and (before.spatial, _family(before)) == (layer.spatial, _family(layer))
            if same and before is not None and not self.alone(before) and not self.alone(layer):
                runs[-1].append(group)
            else:
                runs.append([group])
        for run in runs:
            first, last = run[0].name, run[-1].name
            name = span(first, last, common_path([first, last]))
            keys |= {layer: ("named", name) for group in run for layer in group.layers}
        return self.groups(lambda layer: keys[layer.name])

    def _inside(self, prefix: str) -> list[str]:
        return [x.module for x in self.layers if x.module == prefix or x.module.startswith(prefix + ".")]

    def _biggest(self, prefixes: set[str]) -> tuple[str, float]:
        """The module with most computing layers below it, and its share of them."""
        computing = [layer.module for layer in self.layers if layer.role == "compute"]
        if not prefixes or not computing:
            return "", 0.0
        counts = {p: sum(path.startswith(p + ".") for path in computing) for p in sorted(prefixes)}
        biggest = max(counts, key=lambda p: counts[p])
        return biggest, counts[biggest] / len(computing)

    def _prefixed(self, prefixes: set[str]) -> tuple[Group, ...]:
        def key(layer: Layer) -> Key:
            path = layer.module
            while path and path not in prefixes:
                path = path.rpartition(".")[0]
            return (path,) if path else ()

        return self.groups(key)

    # -- by runs ---------------------------------------------------------------------------------------------------

    def by_runs(self) -> tuple[Group, ...]:
        """Runs that also end at each concatenation, unless that makes too many."""
        fine = self._runs(True)
        return fine if len(fine) <= MOST_COLUMNS else self._runs(False)

    def _runs(self, concatenation_ends: bool) -> tuple[Group, ...]:
        keys: dict[str, Key] = {}
        run, sign, closed = 0, None, False
        for layer in self.layers:
            if layer.role == "compute" and (layer.spatial or layer.name in self.trunk):
                found = (layer.spatial, _family(layer))
                if (sign is not None and found != sign) or closed:
                    run, closed = run + 1, False
                sign = found
            keys[layer.name] = (str(run),)
            if concatenation_ends and layer.kind == "cat" and layer.name in self.trunk:
                closed = True
        return self.groups(lambda layer: keys[layer.name] if can_represent(layer) else ())

    # -- forming ---------------------------------------------------------------------------------------------------

    def groups(self, key: Callable[[Layer], Key]) -> tuple[Group, ...]:
        """Groups of the layers with equal keys; those without a key, or with nothing to show, join their source."""
        keys = {x.name: ("alone", x.name) if self.alone(x) else key(x) for x in self.layers}
        showing = {keys[x.name] for x in self.layers if can_represent(x) and keys[x.name]}
        for layer in self.layers:
            if keys[layer.name] not in showing:
                before = [keys[s] for s in self.sources[layer.name] if s in keys]
                keys[layer.name] = before[-1] if before else ()
        ahead: Key = next((k for k in keys.values() if k), ("network",))  # for what comes before the first group
        members: defaultdict[Key, list[Layer]] = defaultdict(list)
        for layer in self.layers:
            members[keys[layer.name] or ahead].append(layer)
        last = keys[self.network.output] or ahead
        order = sorted(members, key=lambda k: (k == last, self.network.index(self._representative(members[k]))))
        names = _names([members[k] for k in order], order)
        return tuple(
            Group(i, name, tuple(x.name for x in members[k]), self._representative(members[k]))
            for i, (k, name) in enumerate(zip(order, names))
        )

    def _representative(self, layers: list[Layer]) -> str:
        names = [layer.name for layer in layers]
        if self.network.output in names:
            return self.network.output
        return next((x.name for x in reversed(layers) if can_represent(x)), names[-1])


def _first(path: str, below: str = "") -> str:
    """The path's first part, or its first part below a module."""
    start = below + "." if below else ""
    if not path.startswith(start):
        return path
    return start + path[len(start) :].split(".")[0]


def _family(layer: Layer) -> str:
    kind = layer.kind.lower()
    if layer.field is not None:
        return "map"
    return next((word for word in ("linear", "lstm", "gru", "rnn", "embedding") if word in kind), "other")


def _trunk(network: Network) -> frozenset[str]:
    """The drawn layers that every path from the inputs to the output passes."""
    found = []
    open_edges = 0
    useful = _upstream(network)
    readers: defaultdict[str, int] = defaultdict(int)
    for edge in network.drawn_edges:
        if edge.sink in useful:
            readers[edge.source] += 1
    arrived: defaultdict[str, int] = defaultdict(int)
    for edge in network.drawn_edges:
        if edge.sink in useful:
            arrived[edge.sink] += 1
    started = len([x for x in network.inputs if x.name in useful])
    for layer in network.drawn:
        if layer.name not in useful:
            continue
        open_edges -= arrived[layer.name]
        if layer.role == "input":
            started -= 1
        if open_edges == 0 and started == 0:
            found.append(layer.name)
        open_edges += readers[layer.name]
    return frozenset(found)


def _upstream(network: Network) -> frozenset[str]:
    """The drawn layers that the output depends on, itself included."""
    sources: defaultdict[str, list[str]] = defaultdict(list)
    for edge in network.drawn_edges:
        sources[edge.sink].append(edge.source)
    seen: set[str] = set()
    todo = [network.output]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += sources[name]
    return frozenset(seen)


def _names(groups: list[list[Layer]], keys: list[Key]) -> list[str]:
    """A name for each group: the module that it was grouped by or that holds it alone, else its first and last one."""
    paths = [[x.module for x in g if x.role == "compute"] or [x.module for x in g if x.module] for g in groups]
    shared = [common_path(p) for p in paths]
    found = []
    for layers, below, (*marks, key), common in zip(groups, paths, keys, shared):
        if marks == ["named"]:
            found.append(key)
        elif not below:
            found.append(layers[0].kind)
        elif any(path == key or path.startswith(key + ".") for path in below):
            found.append(key)
        elif common and shared.count(common) == 1:
            found.append(common)
        else:
            found.append(span(below[0], below[-1], common))
    return [n if found.count(n) == 1 else f"{n} ({found[: i + 1].count(n)})" for i, n in enumerate(found)]


def common_path(paths: list[str]) -> str:
    """The longest path of a module that holds all of these."""
    parts = [path.split(".") for path in paths]
    found: list[str] = []
    for level in zip(*parts):
        if len(set(level)) > 1:
            break
        found.append(level[0])
    return ".".join(found)


def span(first: str, last: str, shared: str) -> str:
    """`features.0–2` for the first and last of several modules below a shared one."""
    if first == last:
        return first
    return f"{first}–{last.removeprefix(shared + '.')}" if shared else f"{first} – {last}"
