"""What a session holds, in words and in json."""

from __future__ import annotations

from typing import Any

from cnnvis.model.activations import Activations
from cnnvis.model.findings import Finding, findings
from cnnvis.model.session import Session

_MARKS = {"alarm": "!!", "warning": "! ", "hint": "  "}
LISTED = 20
"""So many skipped files are named in the text."""


def accuracy(session: Session) -> float | None:
    """The share of labelled samples that the network predicts right, 0–1, or None."""
    return session.activations.samples.accuracy if session.activations is not None else None


def summary(session: Session) -> str:
    """One line: network, images, accuracy, columns."""
    network = session.analysis.network
    parts = [network.name]
    found = session.activations
    if found is not None:
        parts.append(session.noun.count(found.n_samples))
        if found.samples.skipped:
            parts.append(f"{len(found.samples.skipped)} skipped")
        share = found.samples.accuracy
        if share is not None:
            parts.append(f"accuracy {share:.1%}")
    parts.append(f"{len(session.analysis.groups)} columns")
    return " · ".join(parts)


def report(session: Session) -> dict[str, Any]:
    """Everything about a session that fits a page, as json-ready values; `accuracy` stands at the top level."""
    analysis, network, found = session.analysis, session.analysis.network, session.activations
    return {
        "network": network.name,
        "parameters": network.parameters,
        "classes": list(network.classes),
        "accuracy": accuracy(session),
        "images": _images(found),
        "layers": [
            {"name": x.name, "kind": x.kind, "shape": list(x.shape), "neurons": x.n_units, "parameters": x.parameters}
            for x in network.drawn
        ],
        "columns": [
            {"name": g.name, "representative": g.representative, "layers": list(g.layers)} for g in analysis.groups
        ],
        "clusters": {
            layer: [{"id": c.id, "name": c.name, "neurons": list(c.members), "dead": c.dead} for c in partition]
            for layer, partition in analysis.clusters.items()
        },
        "recipes": {layer: str(recipe) for layer, recipe in analysis.recipes.items()},
        "edited": sorted(analysis.edited),
        "explanations": len(session.attributions),
        "notes": list(found.notes) if found is not None else [],
        "findings": [_finding(finding) for finding in findings(session)],
        "job": session.job.to_toml() if session.job is not None else None,
        "versions": dict(session.provenance.get("versions", {})),
        "provenance": {k: v for k, v in session.provenance.items() if k != "versions"},
    }


def _finding(found: Finding) -> dict[str, Any]:
    where = {"layer": found.layer, "neurons": list(found.units), "class": found.target if found.target >= 0 else None}
    return {"level": found.level, "text": found.text, "detail": found.detail, "cause": found.cause, **where}


def _images(found: Activations | None) -> dict[str, Any]:
    if found is None:
        return {"read": 0, "skipped": 0, "skipped_files": []}
    return {
        "read": found.n_samples,
        "skipped": len(found.samples.skipped),
        "skipped_files": [{"name": s.name, "reason": s.reason} for s in found.samples.skipped],
        "groups": dict(_counted(found)),
    }


def _counted(found: Activations) -> list[tuple[str, float]]:
    """Names may repeat (ImageNet has two cranes): then the index is added."""
    seen: set[str] = set()
    out = []
    for index, (name, count) in enumerate(zip(found.groups, found.counts)):
        out.append((f"{name} [{index}]" if name in seen else name, float(count)))
        seen.add(name)
    return out


def report_text(session: Session) -> str:
    """The report as a few aligned lines."""
    analysis, network, found = session.analysis, session.analysis.network, session.activations
    lines = [summary(session), ""]
    lines.append(f"{'column':<24}{'representative':<32}{'neurons':>8}{'clusters':>10}")
    for group in analysis.groups:
        layer = network[group.representative]
        n_clusters = len(analysis.clusters.get(layer.name, ()))
        lines.append(f"{group.name:<24}{layer.name:<32}{layer.n_units:>8}{n_clusters:>10}")
    if found is not None and found.samples.skipped:
        lines += ["", "Skipped:"]
        lines += [f"  {s.name}: {s.reason}" for s in found.samples.skipped[:LISTED]]
        more = len(found.samples.skipped) - LISTED
        if more > 0:
            lines.append(f"  and {more} more")
    said = findings(session)
    if said:
        lines += ["", *(f"{_MARKS[f.level]} {f.text}{f' ({f.detail})' if f.detail else ''}" for f in said)]
    versions = session.provenance.get("versions", {})
    if versions:
        lines += ["", "Made with " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."]
    return "\n".join(lines)
