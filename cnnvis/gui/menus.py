"""Every command of the window once: its words, its shortcut, its place in the menus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Needs = Literal["nothing", "session", "cluster", "layer", "unit", "clusters", "undo", "redo", "work", "opens", "target"]


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a user can do. `verb` is its name in code; `needs` says when it can be done.

    `choice` names the commands of which one is ticked; `inside` the submenu, named before, that it stands in.
    """

    verb: str
    text: str
    shortcut: str = ""
    needs: Needs = "nothing"
    tip: str = ""
    checkable: bool = False
    choice: str = ""
    inside: str = ""


_LINE = None
_ADDS = "What a cluster adds to the response of the next"
_EVEN = "How the next cluster would answer to an even response, whatever the images"
_FLOWS = "What flows through to the score of the selected class; shows what matters for it"
_OWN = "Show what neurons add to the score of each image's own class"
_AIMED = "Show what neurons add to the score of the selected class, whatever the image"
_LOSE = "Set what is selected to zero, and see what becomes of the answers"
_HELD = "Hold what is selected at its mean response, and see what becomes of the answers"
_SIBLINGS = "Patches of similar neurons side by side, the important ones larger"
_REAL = "Show the patches that drive each neuron most"
_DRAWN = "Show pictures that are made to drive each neuron; drawing takes a while"
_EXTREMES = "Show what drives each neuron most, in the left half of its patch, and least, in the right half"
_DIVERSE = "Show four pictures for each neuron that drive it and are unlike each other"
_UNTANGLED = "Find anew the order of cards in which few edges cross"
_WHY = "What in an image speaks for the selected class, cluster or neuron; or why the selected image is what it is"
_ALL = "Where the evidence lies in the images of the selected class, or of the subset that is shown"
_MANY = "Draw boxes in the lanes beside columns of 16 clusters and more"

MENUS: tuple[tuple[str, tuple[Command | None, ...]], ...] = (
    (
        "&File",
        (
            Command("new", "&New analysis…", "Ctrl+N", tip="Describe a network and its images"),
            Command("open", "&Open…", "Ctrl+O", tip="Open a session (.cnnvis), a job (.toml) or a figure"),
            Command("open_image", "Open &image…", "Ctrl+I", "session", "Lay one picture over the network"),
            Command("recent", "Open &recent"),
            Command("demo", "&Demos"),
            _LINE,
            Command("save", "&Save", "Ctrl+S", "session"),
            Command("save_as", "Save &as…", "Ctrl+Shift+S", "session"),
            Command("export", "&Export figure…", "Ctrl+E", "session", "Write the picture as svg, pdf or png"),
            Command("copy_figure", "&Copy figure", "Ctrl+Shift+C", "session", "Put the picture on the clipboard"),
            Command("export_table", "Export &table…", "", "session", "Write neurons, clusters, edges … as csv"),
            Command("export_graph", "Export &graph…", "", "session", "Write the graph as GraphML, JSON or DOT"),
            Command("export_panel", "Export &panel…", "", "session", "Write the details or another panel as a figure"),
            _LINE,
            Command("connect", "Connect net&work…", "", "session", "Run the network of this session again"),
            Command("close", "C&lose session", "Ctrl+W", "session"),
            Command("preferences", "&Preferences…", "Ctrl+,"),
            Command("quit", "&Quit", "Ctrl+Q"),
        ),
    ),
    (
        "&Edit",
        (
            Command("undo", "&Undo", "Ctrl+Z", "undo"),
            Command("redo", "&Redo", "Ctrl+Shift+Z", "redo"),
            Command("history", "&History", "Ctrl+H", checkable=True),
            _LINE,
            Command("rename", "Re&name…", "F2", "cluster", "Give the selected cluster a name"),
            Command("note", "N&ote…", "Ctrl+Shift+N", "layer", "Write a note on what is selected"),
            Command("colour", "C&olour", needs="cluster"),
            Command("lock", "&Lock cluster", "Ctrl+L", "cluster", "Keep its members when clustering again"),
            Command("merge", "&Merge…", "Ctrl+M", "cluster", "Make several clusters of a layer one"),
            Command("split", "&Split in two", "Ctrl+T", "cluster", "Let the clusterer divide the selected cluster"),
            Command("gather", "New cluster of &neurons", "Ctrl+G", "unit", "Put the selected neurons into their own"),
            Command("move", "Mo&ve to…", "Ctrl+Shift+M", "unit", "Move the selected neurons to another cluster"),
            Command("pin", "&Pin as representative", "Ctrl+P", "unit", "Show this neuron before the others"),
            _LINE,
            Command("recluster", "Re&cluster…", "Ctrl+R", "layer", "Choose another clusterer for a layer, or all"),
            Command("represent", "Re&present by…", "", "layer", "Choose the layer that stands for this group"),
            Command("join_groups", "&Join with next group", "", "layer", "Show two groups of layers as one column"),
            Command("split_group", "Split &group here…", "", "layer", "Show a group of layers as two columns"),
            _LINE,
            Command("copy_python", "Cop&y as Python", "Ctrl+Shift+P", "session", "The script that redoes all steps"),
            _LINE,
            Command("find", "&Find…", "Ctrl+F", "session", "Search layers, neurons and classes"),
        ),
    ),
    (
        "&Analyse",
        (
            Command("facet_features", "&Features", "F5", "session", "Show what drives each neuron", True, "facet"),
            Command("facet_activations", "&Activations", "F6", "session", "Show neurons × classes", True, "facet"),
            Command("facet_contribution", "&Contribution", "F7", "session", "Show effects on classes", True, "facet"),
            Command("facet_health", "&Health", "F8", "session", "Show debugging information", True, "facet"),
            Command("facet_card", "Facet of this car&d", needs="cluster"),
            _LINE,
            Command("edges_activation", "Edges by weights × acti&vation", "", "session", _ADDS, True, "edges"),
            Command("edges_weights", "Edges by &weights", "", "session", _EVEN, True, "edges"),
            Command("edges_class", "Edges for a c&lass", "", "session", _FLOWS, True, "edges"),
            _LINE,
            Command("contribution_own", "Contribution to &own class", "", "session", _OWN),
            Command("contribution_class", "Contribution to chosen class", "", "session", _AIMED),
            Command("knock_out", "&Knock out", "Ctrl+K", "layer", _LOSE),
            Command("knock_out_mean", "Hold a&t mean", "Ctrl+Shift+K", "layer", _HELD),
            _LINE,
            Command("subset_new", "New &subset…", "Ctrl+B", "session", "Choose the images that everything follows"),
            Command("subset_wrong", "The wron&g ones", "", "session", "Follow the images that are predicted wrong"),
            Command("subset_all", "All &images", "Ctrl+Shift+B", "session", "Follow all images again"),
            _LINE,
            Command("matrix", "&Matrix", "F9", "session", "Open or close the panel of neurons × classes", True),
            Command("confusion", "C&onfusion", "Shift+F9", "session", "Open or close labels × predictions", True),
            Command("health", "Health of all la&yers", "Shift+F8", "session", "Open or close their table", True),
            _LINE,
            Command("explain", "E&xplain", "F10", "session", "Why this class? Open or close the panel", True),
            Command("explain_this", "Explain th&is", "Ctrl+Shift+E", "target", _WHY),
            Command("together", "To&gether", "Shift+F10", "session", "Many images explained as one", True),
            Command("explain_together", "Explain these images toget&her", "", "session", _ALL),
            _LINE,
            Command("measure_health", "Measure h&ealth", "", "session", "Gradients and saturation of all layers"),
            Command("compare_health", "Compare with a chec&kpoint…", "", "session", "How far has each layer moved?"),
        ),
    ),
    (
        "&View",
        (
            Command("zoom_in", "Zoom &in", "Ctrl++", "session"),
            Command("zoom_out", "Zoom &out", "Ctrl+-", "session"),
            Command("fit", "&Fit", "Ctrl+0", "session", "Show the whole picture"),
            Command("actual_size", "&Actual size", "Ctrl+1", "session"),
            Command("expand", "E&xpand or collapse", "Ctrl+Return", "opens", "Show every layer, neuron or edge inside"),
            Command("collapse_all", "&Collapse all", "Ctrl+Shift+0", "session"),
            Command("untangle", "Un&tangle cards", "", "session", _UNTANGLED),
            _LINE,
            Command("bundles_auto", "&Bundle edges of many", "", "session", _MANY, True, "bundles"),
            Command("bundles_on", "B&undle all edges", "", "session", "Draw boxes in every lane", True, "bundles"),
            Command("bundles_off", "Bundle n&o edges", "", "session", "Draw every edge by itself", True, "bundles"),
            _LINE,
            Command("packing_hierarchical", "Pac&k by likeness", "", "session", _SIBLINGS, True, "packing"),
            Command("packing_flat", "Pack ti&ghtly", "", "session", "Leave little room", True, "packing"),
            Command("packing_rows", "Pack in &rows", "", "session", "From the most important on", True, "packing"),
            _LINE,
            Command("patches", "Patc&hes on cards", "", "session"),
            Command("source_images", "&Real", "", "session", _REAL, True, "source", "patches"),
            Command("source_synthesis", "&Drawn", "", "session", _DRAWN, True, "source", "patches"),
            Command("source_extremes", "Drawn: &most and least", "", "session", _EXTREMES, True, "source", "patches"),
            Command("source_diverse", "Drawn: &several of each", "", "session", _DIVERSE, True, "source", "patches"),
            _LINE,
            Command("order_network", "&One order of classes", "", "session", "The same columns in all", True, "order"),
            Command("order_local", "Order of classes for &each", "", "session", "Each cluster its own", True, "order"),
            _LINE,
            Command("panels", "&Panels"),
            Command("theme_light", "&Light", checkable=True, choice="theme"),
            Command("theme_dark", "&Dark", checkable=True, choice="theme"),
            Command("theme_system", "As the &system", checkable=True, choice="theme"),
            _LINE,
            Command("animation", "A&nimation", checkable=True, tip="Let things glide to their new places"),
        ),
    ),
    (
        "&Help",
        (
            Command("shortcuts", "&Shortcuts", "F1"),
            Command("log", "&Log file"),
            Command("about", "&About cnnvis"),
        ),
    ),
)

COMMANDS: dict[str, Command] = {
    command.verb: command for _, commands in MENUS for command in commands if command is not None
}
