"""Which steps of a traced run are drawn, and which fold into their producer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cnnvis.compute.steps import Step


@dataclass(frozen=True, slots=True)
class Folding:
    """For every drawn step what is folded into it, in order, and for every folded step its host."""

    steps: Mapping[str, Step]
    folds: Mapping[str, tuple[str, ...]]
    hosts: Mapping[str, str]


def folded(steps: Mapping[str, Step], ends: frozenset[str], logits: str) -> Folding:
    """Folds bias, normalisation, activation and dropout into their producer, as long as nothing else reads it.

    `ends` are the steps whose values the network returns; nothing folds into `logits`, so that what turns them
    into probabilities stays beside them. Steps that return their input untouched at a fork vanish.
    """
    steps = _useful(steps, ends)
    readers = _readers(steps, ends)
    tails = {name: name for name in steps}  # for every host the last step folded into it
    hosts: dict[str, str] = {}
    for name, step in steps.items():
        source = step.sources[0] if step.sources else ""
        if not step.foldable or len(readers[source]) != 1 or source == logits:
            continue
        host = hosts.get(source, source)
        if tails[host] == source and steps[source].floating:
            hosts[name], tails[host] = host, name
    vain = [n for n, s in steps.items() if s.untouched and len(s.sources) == 1 and n not in hosts and n not in ends]
    lost = {name: steps[name].sources[0] for name in vain}
    folds: defaultdict[str, list[str]] = defaultdict(list)
    for name, host in hosts.items():
        folds[host].append(name)
    if lost:
        return folded(_without(steps, lost), ends, lost.get(logits, logits))
    return Folding(steps, {name: tuple(found) for name, found in folds.items()}, hosts)


def _useful(steps: Mapping[str, Step], ends: frozenset[str]) -> Mapping[str, Step]:
    """The inputs and the steps from which a way leads to what the network returns."""
    wanted: set[str] = set(ends)
    for name, step in reversed(list(steps.items())):
        if name in wanted:
            wanted.update(step.sources)
    return {name: step for name, step in steps.items() if name in wanted or not step.sources}


def _readers(steps: Mapping[str, Step], ends: frozenset[str]) -> defaultdict[str, set[str]]:
    """For each step the steps that read it, "" standing for the caller of the network."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, step in steps.items():
        for source in step.sources:
            found[source].add(name)
    for name in ends:
        found[name].add("")
    return found


def _without(steps: Mapping[str, Step], lost: Mapping[str, str]) -> dict[str, Step]:
    """The steps but for some, whose readers read their source instead."""

    def origin(name: str) -> str:
        while name in lost:
            name = lost[name]
        return name

    found: dict[str, Step] = {}
    for name, step in steps.items():
        if name not in lost:
            sources = tuple(dict.fromkeys(origin(s) for s in step.sources))
            straight = tuple(origin(s) for s in step.straight)
            moved = any(s in lost and not steps[s].direct for s in step.sources)
            found[name] = replace(step, sources=sources, straight=straight, direct=step.direct and not moved)
    return found
