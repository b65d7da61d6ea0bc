"""A graph as it is written, piece by piece, so that a file of a million edges takes no memory; GraphML and JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

Values = Mapping[str, str | int | float]
Node = tuple[str, Values]
Edge = tuple[str, str, Values]

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TYPES = {bool: "boolean", int: "long", float: "double", str: "string"}
_HEAD = """<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"""


@dataclass(frozen=True, slots=True)
class Listing:
    """A directed graph whose nodes and edges come one by one, anew at each call.

    All nodes have values of the same names and types, and so have all edges. An edge comes after both its nodes.
    """

    name: str
    nodes: Callable[[], Iterator[Node]]
    edges: Callable[[], Iterator[Edge]]


def graphml(graph: Listing) -> Iterator[str]:
    """The pieces of a GraphML file, with the keys and types that networkx gives them."""
    yield _HEAD
    _, node = next(graph.nodes(), ("", {}))
    _, _, edge = next(graph.edges(), ("", "", {}))
    keys: dict[tuple[str, str], str] = {}
    for scope, values in (("graph", {"name": graph.name}), ("node", node), ("edge", edge)):
        for name, value in values.items():
            keys[scope, name] = f"d{len(keys)}"
            kind = _TYPES[type(value)]
            about = f'id="{keys[scope, name]}" for="{scope}" attr.name={_attribute(name)} attr.type="{kind}"'
            yield f"  <key {about} />\n"

    def data(scope: str, values: Values) -> str:
        return "".join(f'      <data key="{keys[scope, k]}">{_text(v)}</data>\n' for k, v in values.items())

    yield '  <graph edgedefault="directed">\n'
    for name, values in graph.nodes():
        yield f"    <node id={_attribute(name)}>\n{data('node', values)}    </node>\n"
    for source, sink, values in graph.edges():
        ends = f"source={_attribute(source)} target={_attribute(sink)}"
        yield f"    <edge {ends}>\n{data('edge', values)}    </edge>\n" if values else f"    <edge {ends} />\n"
    yield f"{data('graph', {'name': graph.name})}  </graph>\n</graphml>\n"


def _attribute(value: str) -> str:
    return quoteattr(_NOT_IN_XML.sub("\ufffd", value))


def _text(value: object) -> str:
    """A value as the text of an element. Numbers that are none are written as Java and Python both read them."""
    if isinstance(value, str):
        return escape(_NOT_IN_XML.sub("\ufffd", value), {"\r": "&#13;"})
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return str(value)


def node_link(graph: Listing) -> Iterator[str]:
    """The pieces of a JSON file in the form that networkx calls node-link and D3 reads as it is."""
    head = {"directed": True, "multigraph": False, "graph": {"name": graph.name}}
    yield json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "nodes": ['
    yield from _listed({**values, "id": name} for name, values in graph.nodes())
    yield ',\n "links": ['
    yield from _listed({**values, "source": source, "target": sink} for source, sink, values in graph.edges())
    yield "\n}\n"


def _listed(entries: Iterator[dict[str, Any]]) -> Iterator[str]:
    """The entries of a list and its end, each entry on lines of its own."""
    comma = ""
    for entry in entries:
        lines = ",\n   ".join(f"{_json(key)}: {_json(value)}" for key, value in entry.items())
        yield f"{comma}\n  {{\n   {lines}\n  }}"
        comma = ","
    yield "\n ]" if comma else "]"


_json_text = json.JSONEncoder(ensure_ascii=False).encode


def _json(value: object) -> str:
    """A value in JSON, which has no numbers that are none: null, where Python's own writer breaks other readers."""
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return _json_text(value)
