"""Contributions and knock-outs in the window: when they are measured, what the details tell of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot
from sessions import made_up_session
from windows import rest

from cnnvis.gui.controller import Controller
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.charts import Bars
from cnnvis.gui.panels.details import Details
from cnnvis.gui.panels.knock_out_section import agreement, shown
from cnnvis.gui.panels.patches import Patches
from cnnvis.gui.studies import contributions as study
from cnnvis.gui.studies import subsets
from cnnvis.gui.studies.contributions import silenced_by
from cnnvis.gui.window import Window
from cnnvis.layout.compose import draw
from cnnvis.model.document import Document
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.measurements import Ablation, Contributions, Fill, Measurements, Silenced
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset
from cnnvis.model.viewed import shown_subset, viewed

CLUSTER = ("cluster", "conv2", 0)


def measured(session: Session, target: int | None = None) -> Contributions:
    """Made-up contributions of all layers before the output."""
    rng = np.random.default_rng(0)
    shown = viewed(session).activations
    assert shown is not None
    counts = shown.counts
    layers = {
        layer.name: rng.normal(size=(layer.n_units, len(counts))) * counts
        for layer in session.analysis.network.drawn
        if layer.name.startswith("conv")
    }
    return Contributions(layers, counts, target, layers, shown_subset(session))


def knocked(session: Session, silenced: Silenced, fill: Fill = "zero", **other: object) -> Ablation:
    """A made-up knock-out; two predictions flip."""
    assert session.activations is not None
    counts = session.activations.counts
    n = len(counts)
    change = np.where(counts > 0, -np.arange(n, dtype=float), np.nan)
    accuracy = np.where(counts[:, None] > 0, [[0.75, 0.5]], np.nan)
    flips = np.array([[3, 0, 2], [8, 1, 0], [9, 1, 0]])
    return replace(Ablation(silenced, fill, counts, change, accuracy, flips, 0.9 * change), **other)


# The study


@dataclass
class Room:
    """A session in a controller whose network is made up."""

    controller: Controller
    jobs: Jobs
    view: MagicMock
    services: SimpleNamespace
    qtbot: QtBot
    asked: list[object] = field(default_factory=list)

    def contributions(self, session: Session, sources: object, target: int | None, *, progress: object) -> object:
        self.asked.append(target)
        return measured(session, target)

    def knock_out(
        self, session: Session, sources: object, silenced: object, fill: Fill, *, cache: object, progress: object
    ) -> Session:
        units = tuple((layer, tuple(chosen)) for layer, chosen in dict(silenced).items())  # type: ignore[call-overload]
        self.asked.append((units, fill))
        found = session.measurements.with_contributions(measured(session))
        return session.with_measurements(found.with_ablation(knocked(session, units, fill)))

    def verb(self, name: str, *arguments: object) -> None:
        for one in self.controller.studies:
            if name in one.verbs:
                one.verbs[name](*arguments)

    def rest(self) -> None:
        self.qtbot.waitUntil(lambda: self.jobs.idle)

    @property
    def session(self) -> Session:
        assert self.controller.session is not None
        return self.controller.session

    @property
    def said(self) -> str:
        return str(self.view.show_notice.call_args.args[0].text)


@pytest.fixture
def room(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    jobs, view = Jobs(), MagicMock()
    services = SimpleNamespace(
        sources=object(),
        draw=lambda session, previous: draw(session, previous=previous),
        join=lambda session, asked, progress: None,
    )
    settings = MagicMock()
    settings.text.return_value = ""
    controller = Controller(view, jobs, services, settings, MagicMock())  # type: ignore[arg-type]
    found = Room(controller, jobs, view, services, qtbot)
    monkeypatch.setattr(study, "contributions", found.contributions)
    monkeypatch.setattr(study, "knock_out", found.knock_out)
    monkeypatch.setattr(subsets, "record_subset", lambda session, *_, **__: session.activations)
    monkeypatch.setattr(controller.contributions, "_opened", lambda: None)
    controller.place(Document(made_up_session()), None)
    found.rest()
    yield found
    jobs.close()


def test_contributions_are_measured_when_they_are_first_looked_at(room: Room) -> None:
    assert room.asked == []
    room.controller.show_facet("contribution")
    room.rest()
    assert room.asked == [None]
    assert room.session.measurements.own is not None
    assert room.controller.document is not None
    assert room.controller.document.undoable is None
    room.controller.show_facet("features")
    room.controller.show_facet("contribution")
    room.rest()
    assert room.asked == [None]


def test_the_facet_of_one_card_asks_for_them_as_well(room: Room) -> None:
    room.controller.show_facet_of("conv2", 0, "contribution")
    room.rest()
    assert room.asked == [None]


def test_without_the_network_looking_at_the_facet_says_nothing_and_asking_does(room: Room) -> None:
    room.services.sources = None
    room.controller.show_facet("contribution")
    room.rest()
    room.view.show_notice.assert_not_called()
    room.controller.contributions.contribute()
    assert "must be connected" in room.said
    room.services.sources = object()
    room.controller.show_facet("features")
    room.controller.show_facet("contribution")
    room.rest()
    assert room.asked == [None]


def test_whoever_stops_them_is_not_asked_again(room: Room) -> None:
    room.controller.show_facet("contribution")
    room.controller.cancel()
    room.rest()
    assert room.session.measurements.own is None
    room.controller.show_edges(0.5)
    room.rest()
    assert room.session.measurements.own is None


def test_contributions_to_the_selected_class_are_measured_and_shown(room: Room) -> None:
    room.controller.select((("class", 2),))
    room.controller.contributions.show_for_class()
    room.rest()
    assert room.asked == [2]
    assert (room.session.look.facet, room.session.look.chosen) == ("contribution", 2)
    assert room.session.measurements.contributions[2].target == 2
    room.controller.contributions.show_own()
    room.rest()
    assert room.asked == [2, None]
    assert room.session.look.chosen is None


def test_everything_that_is_selected_is_knocked_out(room: Room) -> None:
    clusters = room.session.analysis.clusters["conv2"]
    room.controller.select((CLUSTER, ("unit", "conv1", 3), ("cluster", "conv2", 1), ("class", 1)))
    room.controller.contributions.knock_out()
    room.rest()
    both = tuple(sorted((*clusters[0].members, *clusters[1].members)))
    assert room.asked == [((("conv1", (3,)), ("conv2", both)), "zero")]
    assert room.session.measurements.ablations[0].silenced == (("conv1", (3,)), ("conv2", both))
    assert room.session.measurements.own is not None


def test_a_knock_out_that_is_known_is_shown_without_the_network(room: Room) -> None:
    room.controller.select((CLUSTER,))
    room.controller.contributions.knock_out()
    room.rest()
    room.controller.contributions.verbs["knock_out_mean"]()
    room.rest()
    room.services.sources = None
    room.controller.contributions.knock_out()
    assert len(room.asked) == 2
    assert [a.fill for a in room.session.measurements.ablations] == ["zero", "mean"]


def test_a_column_stands_for_all_its_neurons() -> None:
    session = made_up_session()
    assert silenced_by(session, (("column", "conv1"), ("unit", "conv1", 2))) == (("conv1", tuple(range(6))),)
    assert silenced_by(session, (("class", 0), ("classes", "fc"))) == ()


# Over a subset


def with_subset(session: Session, name: str, **asks: object) -> Session:
    """The session with a subset that is shown."""
    analysis = session.analysis.with_subset(Subset(name, **asks))  # type: ignore[arg-type]
    return replace(session, analysis=analysis, look=replace(session.look, subset=name))


@pytest.fixture
def looking(room: Room) -> Room:
    """Cards show contributions over all images, and the network is there."""
    room.controller.show_facet("contribution")
    room.rest()
    room.asked.clear()
    return room


def follow(room: Room, subset: Subset) -> None:
    room.verb("subset_define", subset)
    room.rest()


def test_contributions_follow_a_subset_and_are_measured_over_it_once(looking: Room) -> None:
    follow(looking, Subset("ones", classes=(1,)))
    assert looking.asked == [None]
    assert looking.session.measurements.over("ones").contributions[None].counts.tolist() == [0, 6, 0, 0]
    assert looking.session.measurements.own is not None
    assert looking.session.measurements.own.n_samples == 24
    looking.verb("show_subset")
    looking.verb("show_subset", "ones")
    looking.rest()
    assert looking.asked == [None]


def test_those_to_a_class_follow_a_subset_where_cards_show_them(room: Room) -> None:
    room.controller.contributions.show_for_class(2)
    room.rest()
    follow(room, Subset("ones", classes=(1,)))
    assert room.asked == [2, 2]
    assert list(room.session.measurements.over("ones").contributions) == [2]


def test_without_the_network_one_sentence_says_what_a_subset_lacks(looking: Room) -> None:
    looking.services.sources = None
    looking.view.show_notice.reset_mock()
    follow(looking, Subset("ones", classes=(1,)))
    assert looking.said == (
        "The contributions over “ones” are not measured yet. File ▸ Connect network measures them."
    )
    looking.controller.show_edges(0.5)
    looking.verb("show_subset")
    looking.verb("show_subset", "ones")
    looking.rest()
    assert looking.view.show_notice.call_count == 1
    assert looking.asked == []


def test_a_subset_of_the_same_name_that_asks_for_others_is_measured_anew(looking: Room) -> None:
    follow(looking, Subset("mine", classes=(1,)))
    looking.verb("subset_remove", "mine")
    follow(looking, Subset("mine", classes=(2,)))
    assert looking.asked == [None, None]
    assert looking.session.measurements.over("mine").contributions[None].counts.tolist() == [0, 0, 6, 0]


def test_a_result_for_a_subset_that_asks_for_others_now_is_not_kept(looking: Room) -> None:
    looking.verb("subset_define", Subset("mine", classes=(1,)))
    looking.controller.show_facet("features")
    document = looking.controller.document
    assert document is not None
    document.commit(document.analysis.with_subset(Subset("mine", classes=(2,))), "another", "")
    looking.rest()
    assert looking.asked == [None]
    assert looking.session.measurements.subsets == {}


def test_a_subset_that_is_left_before_its_turn_is_measured_when_it_is_shown_again(looking: Room) -> None:
    looking.verb("subset_define", Subset("ones", classes=(1,)))
    looking.verb("subset_define", Subset("twos", classes=(2,)))
    looking.rest()
    assert list(looking.session.measurements.subsets) == ["twos"]
    looking.verb("show_subset", "ones")
    looking.rest()
    assert set(looking.session.measurements.subsets) == {"ones", "twos"}


# The details


def with_all(session: Session, *ablations: Ablation, target: int | None = None) -> Session:
    found = {None: measured(session)} | ({} if target is None else {target: measured(session, target)})
    look = replace(session.look, chosen=target)
    return replace(session, measurements=Measurements(found, ablations), look=look)


def show(panel: Details, session: Session, key: tuple[object, ...] = CLUSTER) -> None:
    panel.show_session(session, draw(session))
    panel.show_selection(key)


def texts(panel: Details) -> list[str]:
    page = panel.widget()
    assert page is not None
    return [w.text() for w in page.findChildren(QLabel)]


def bars(panel: Details) -> list[Bars]:
    page = panel.widget()
    assert page is not None
    return page.findChildren(Bars)


@pytest.mark.parametrize("key", [CLUSTER, ("unit", "conv1", 3), ("column", "conv2")])
def test_contributions_are_the_sums_of_the_neurons_by_class(details: Details, key: tuple[object, ...]) -> None:
    session = with_all(made_up_session(), target=1)
    show(details, session, key)
    assert "CONTRIBUTION TO OWN CLASS" in texts(details)
    assert "CONTRIBUTION TO CLASS 1" in texts(details)
    units = dict(silenced_by(session, (key,)))[str(key[1])]
    expected = measured(session).means(str(key[1]))[list(units)].sum(0)
    own = bars(details)[0 if key[0] == "column" else 1]
    np.testing.assert_allclose([bar.value for bar in own._bars], expected)
    assert [bar.ink.role for bar in own._bars] == ["excite" if v >= 0 else "inhibit" for v in expected]


def test_what_is_not_measured_is_offered(details: Details, qtbot: QtBot) -> None:
    show(details, made_up_session())
    page = details.widget()
    assert page is not None
    buttons = {b.text(): b for b in page.findChildren(QPushButton)}
    with qtbot.waitSignal(details.requested) as heard:
        buttons["Measure contributions"].click()
    assert heard.args == ["contribute", ()]
    with qtbot.waitSignal(details.requested) as heard:
        buttons["Hold at mean"].click()
    assert heard.args == ["knock_out_mean", ()]


def test_the_classes_themselves_cannot_be_knocked_out(details: Details) -> None:
    show(details, with_all(made_up_session()), ("column", "fc"))
    assert "KNOCK-OUT" not in texts(details)
    show(details, with_all(made_up_session()), ("class", 1))
    page = details.widget()
    assert page is not None
    assert "Contribution to class 1" in [b.text() for b in page.findChildren(QPushButton)]


def test_a_knock_out_tells_accuracy_logit_estimate_and_flips(details: Details) -> None:
    session = made_up_session()
    members = session.analysis.clusters["conv2"][0].members
    show(details, with_all(session, knocked(session, (("conv2", members),))))
    said = texts(details)
    assert "set to zero · measured on 24 images" in said
    assert "75.0 → 50.0 %" in said
    assert "First-order estimate: r = 1.00, off by 0.150 on average." in said
    assert "3 of 24 predictions flip: 1 right before, 1 right now." in said
    assert "class 1 → class 0" in said
    points, logit = bars(details)[2:4]
    assert [bar.text for bar in points._bars] == ["−25.0"] * 4
    assert [bar.value for bar in logit._bars] == [0, -1, -2, -3]
    np.testing.assert_allclose([bar.tick for bar in logit._bars], [0, -0.9, -1.8, -2.7])
    page = details.widget()
    assert page is not None
    flipped = page.findChildren(Patches)[-1]
    flipped._open(flipped._rows[0].shots[0].sample)
    assert any("Back" in b.text() for b in details.widget().findChildren(QToolButton))  # type: ignore[union-attr]


def test_a_few_samples_of_a_class_tell_no_accuracy(details: Details) -> None:
    session = made_up_session(classes=8)
    members = session.analysis.clusters["conv2"][0].members
    show(details, with_all(session, knocked(session, (("conv2", members),))))
    assert "Change of accuracy, in points" not in texts(details)
    assert any(text.startswith("Change of the own logit") for text in texts(details))


def test_of_a_thousand_classes_the_extremes_are_shown(details: Details) -> None:
    session = made_up_session(classes=1000, n=60, empty_classes=940)
    members = session.analysis.clusters["conv2"][0].members
    show(details, with_all(session, knocked(session, (("conv2", members),))))
    assert len(bars(details)[1]._bars) == 12
    shown_classes = [bar.name for bar in bars(details)[-1]._bars]
    assert shown_classes == [f"class {k}" for k in (*range(6), *range(54, 60))]
    assert "the 6 largest and the 6 smallest of 60 · 940 without images" in texts(details)


def test_a_knock_out_of_more_neurons_is_shown_where_there_is_none_of_just_these() -> None:
    session = made_up_session()
    first, second = ((("conv2", session.analysis.clusters["conv2"][k].members),) for k in (0, 1))
    more = (("conv1", (0,)), *first)
    both = Measurements({}, (knocked(session, more), knocked(session, first), knocked(session, second, subset="some")))
    found = shown(both, first, "")
    assert found is not None
    assert found.silenced == first
    assert shown(both, (("conv1", (0,)),), "") is both.ablations[0]
    assert shown(both, second, "") is None
    assert shown(both, second, "some") is both.ablations[2]


def test_the_estimate_is_judged_in_one_sentence() -> None:
    session = made_up_session()
    units: Silenced = (("conv2", (0,)),)
    plain = knocked(session, units)
    assert agreement(replace(plain, foretold=plain.change)) == (
        "First-order estimate: r = 1.00, off by less than 0.001 on average."
    )
    assert agreement(replace(plain, foretold=-plain.change)).startswith("First-order estimate: r = −1.00, off by 3")
    assert agreement(replace(plain, foretold=None)) == ("No first-order estimate: contributions are not measured.")
    two = replace(plain, foretold=None, silenced=(("conv1", (0,)), *units))
    assert "count twice" in agreement(two)
    assert agreement(replace(plain, foretold=plain.change * np.nan)) == "No first-order estimate for these images."


def test_the_panel_turns_to_what_was_just_measured(details: Details, qtbot: QtBot) -> None:
    session = with_all(made_up_session())
    show(details, session)
    members = session.analysis.clusters["conv2"][0].members
    later = session.with_measurements(session.measurements.with_ablation(knocked(session, (("conv2", members),))))
    details.show_session(later, draw(later))
    qtbot.waitUntil(lambda: details.verticalScrollBar().value() > 200)


# With a real network


def test_from_the_facet_to_a_knock_out_and_nothing_stays_on_the_disk(
    window: Window, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    controller = window.controller
    plan = AnalysisPlan(probe_images=2)
    controller.analyze(Job(NetworkSource("demo:healthy"), DataSource("demo:healthy", per_class=2), plan))
    rest(window, qtbot)
    window.commands.run("facet_contribution")
    rest(window, qtbot)
    assert controller.session is not None
    assert controller.session.measurements.own is not None
    layer = controller.session.analysis.groups[2].representative
    cluster = next(iter(controller.session.analysis.clusters[layer]))
    controller.select((("cluster", layer, cluster.id),))
    window.commands.run("knock_out")
    rest(window, qtbot)
    found = controller.session.measurements.ablations[0]
    assert found.silenced == ((layer, tuple(cluster.members)),)
    assert np.isfinite(found.error)
    assert [name for name in os.listdir(tmp_path) if name.startswith("cnnvis-replay")]
    assert controller.document is not None
    controller.document.mark_saved()
    controller.close_session()
    assert not [name for name in os.listdir(tmp_path) if name.startswith("cnnvis-replay")]


def test_several_that_are_selected_are_told_and_so_is_their_common_knock_out(qtbot: QtBot, jobs: Jobs) -> None:
    session = made_up_session()
    keys = [("cluster", "conv2", 0), ("cluster", "conv2", 1)]
    one, both = silenced_by(session, keys[:1]), silenced_by(session, keys)
    panel = Details(jobs, lambda: tuple(keys))
    qtbot.addWidget(panel)
    show(panel, with_all(session, knocked(session, one), knocked(session, both, "mean")), keys[0])
    assert "The first of 2 that are selected" in texts(panel)
    assert "all 2 that are selected · held at their mean · measured on 24 images" in texts(panel)
    keys.pop()
    panel.show_selection(keys[0])
    assert "set to zero · measured on 24 images" in texts(panel)


def test_contributions_are_those_over_the_subset_that_is_shown(details: Details) -> None:
    session = with_subset(with_all(made_up_session()), "some", classes=(0,))
    show(details, session)
    assert "not measured over “some” yet" in texts(details)
    assert "CONTRIBUTION TO OWN CLASS" not in texts(details)
    found = measured(session)
    show(details, session.with_measurements(session.measurements.with_contributions(found)))
    assert "over the 6 images of “some”" in texts(details)
    members = list(session.analysis.clusters["conv2"][0].members)
    (bar,) = bars(details)[1]._bars
    assert bar.value == pytest.approx(found.means("conv2")[members, 0].sum())
    assert "3 without images" in texts(details)


def test_a_knock_out_says_on_which_samples_it_was_measured(details: Details) -> None:
    session = with_subset(with_all(made_up_session()), "some", classes=(0,))
    show(details, session)
    assert "to be measured on the 6 images of “some”" in texts(details)
    members = session.analysis.clusters["conv2"][0].members
    gone = knocked(viewed(session), (("conv2", members),), "mean", subset="some")
    show(details, session.with_measurements(session.measurements.with_ablation(gone)))
    assert "held at their mean over all images · measured on 6 images of “some”" in texts(details)


def test_the_page_of_a_class_whose_contributions_are_shown_leads_back(details: Details, qtbot: QtBot) -> None:
    session = with_all(made_up_session(), target=1)
    show(details, session.with_look(replace(session.look, facet="contribution")), ("class", 1))
    page = details.widget()
    assert page is not None
    buttons = {b.text(): b for b in page.findChildren(QPushButton)}
    assert "Contribution to class 1" not in buttons
    with qtbot.waitSignal(details.requested) as heard:
        buttons["Contribution to own class"].click()
    assert heard.args == ["contribution_own", ()]


def test_two_long_names_of_classes_that_flip_both_keep_their_beginning(details: Details) -> None:
    session = made_up_session()
    names = ("American Staffordshire terrier", "Staffordshire bullterrier", "cat", "dog")
    assert session.activations is not None
    session = replace(session, activations=replace(session.activations, groups=names))
    members = session.analysis.clusters["conv2"][0].members
    show(details, with_all(session, knocked(session, (("conv2", members),))))
    assert "Staffordshire bu… → American Staffor…" in texts(details)
