"""The controller, between a real document and fakes of the window and the heavy work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fakes import FakeServices, FakeView
from pytestqt.qtbot import QtBot

from cnnvis.errors import UnreadableFile, UntrustedCode
from cnnvis.gui.autosave import Autosaves
from cnnvis.gui.controller import Controller
from cnnvis.gui.jobs import Jobs, Reporter
from cnnvis.gui.places import Places, Settings
from cnnvis.gui.regrouping import Reclustering
from cnnvis.gui.view import Notice
from cnnvis.model.analysis import Recipe
from cnnvis.model.document import Document
from cnnvis.model.job import DataSource, Job, NetworkSource
from cnnvis.model.session import Session

JOB = Job(NetworkSource("module:net"), DataSource("images"))
LAYER = "conv2"


@dataclass
class Desk:
    """A controller with all its fakes."""

    controller: Controller
    view: FakeView
    services: FakeServices
    jobs: Jobs
    settings: Settings
    autosaves: Autosaves
    qtbot: QtBot

    def rest(self) -> None:
        self.qtbot.waitUntil(lambda: self.jobs.idle)

    def open(self) -> Document:
        self.controller.show(self.services.session)
        self.rest()
        assert self.controller.document is not None
        self.controller.document.mark_saved()
        return self.controller.document


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    places = Places.inside(tmp_path)
    view, services, jobs = FakeView(), FakeServices(), Jobs()
    settings, autosaves = Settings(places), Autosaves(places.autosaves)
    controller = Controller(view, jobs, services, settings, autosaves)
    yield Desk(controller, view, services, jobs, settings, autosaves, qtbot)
    jobs.close()


def test_a_session_is_drawn_when_shown(desk: Desk) -> None:
    desk.open()
    assert desk.view.page == "picture"
    assert ("cluster", LAYER, 0) in desk.view.diagrams[-1]


def test_an_edit_is_a_step_that_undo_takes_back(desk: Desk) -> None:
    document = desk.open()
    before = document.analysis
    desk.controller.rename(LAYER, 0, "dog faces")
    assert document.analysis.clusters[LAYER][0].name == "dog faces"
    assert document.undoable == "renamed “4 neurons” to “dog faces”"
    desk.controller.undo()
    assert document.analysis is before


@pytest.mark.parametrize(
    ("edit", "python"),
    [
        (lambda c: c.rename(LAYER, 0, "ears"), "rename(0, 'ears')"),
        (lambda c: c.annotate(("cluster", LAYER, 0), "look"), "annotate(0, 'look')"),
        (lambda c: c.merge(LAYER, (0, 1)), "merge(0, 1)"),
        (lambda c: c.split(LAYER, 0, (3,)), "split(0, [3])"),
        (lambda c: c.move(LAYER, (0,), 1), "move([0], 1)"),
        (lambda c: c.lock(LAYER, 0), "lock(0, True)"),
    ],
)
def test_the_python_of_an_edit_does_the_same(desk: Desk, edit: Callable[[Controller], None], python: str) -> None:
    document = desk.open()
    names = {"analysis": document.analysis}
    edit(desk.controller)
    line = document.history[-1].python
    assert python in line
    exec(line, names)
    assert names["analysis"].clusters[LAYER] == document.analysis.clusters[LAYER]


def test_an_impossible_edit_is_a_sentence_and_no_step(desk: Desk) -> None:
    document = desk.open()
    desk.controller.merge(LAYER, (0, 0))
    assert document.undoable is None
    assert desk.view.notice is not None
    assert desk.view.notice.kind == "error"
    assert "two different clusters" in desk.view.notice.text


def test_a_cluster_is_split_where_its_neurons_differ_most(desk: Desk) -> None:
    document = desk.open()
    desk.controller.split_in_two(LAYER, 0)
    desk.rest()
    parts = document.analysis.clusters[LAYER]
    assert len(parts) == 4
    assert set(parts[0].members) | set(parts[3].members) == {0, 3, 6, 9}


def test_a_layer_is_clustered_anew_in_the_background(desk: Desk) -> None:
    document = desk.open()
    desk.controller.recluster(Reclustering(Recipe(k=2), (LAYER,)))
    desk.rest()
    assert len(document.analysis.clusters[LAYER]) == 2
    assert document.undoable == "clustered conv2 by KMeans(k=2)"


def test_the_selection_survives_an_edit_and_goes_over_to_what_its_cluster_became(desk: Desk) -> None:
    desk.open()
    desk.controller.select((("cluster", LAYER, 1),))
    desk.controller.rename(LAYER, 1, "ears")
    desk.rest()
    assert desk.view.selection == (("cluster", LAYER, 1),)
    desk.controller.merge(LAYER, (0, 1))
    desk.rest()
    assert desk.view.selection == (("cluster", LAYER, 0),)


def test_what_can_be_done_follows_the_selection(desk: Desk) -> None:
    desk.open()
    assert "cluster" not in desk.view.met
    desk.controller.select((("cluster", LAYER, 1),))
    assert {"session", "cluster", "layer"} <= desk.view.met
    desk.controller.select((("unit", LAYER, 1),))
    assert {"unit", "layer"} <= desk.view.met


def test_choosing_a_neuron_reveals_the_card_of_its_cluster(desk: Desk) -> None:
    desk.open()
    desk.controller.choose(("unit", LAYER, 4))
    assert desk.view.revealed == [("cluster", LAYER, 1)]
    assert desk.view.selection == (("unit", LAYER, 4),)


def test_fewer_edges_are_no_step_of_the_history(desk: Desk) -> None:
    document = desk.open()
    n = len(desk.view.diagrams[-1].links)
    desk.controller.show_edges(1.0)
    desk.rest()
    assert len(desk.view.diagrams[-1].links) > n
    assert document.undoable is None
    assert not document.unsaved


def test_an_opened_cluster_stays_where_it_is(desk: Desk) -> None:
    document = desk.open()
    key = ("cluster", LAYER, 1)
    desk.controller.open_key(key)
    desk.rest()
    assert document.session.look.opened == {(LAYER, 1)}
    assert desk.view.anchors[-1] == key


def test_an_expanded_group_gets_its_edges_without_a_step_of_the_history(desk: Desk) -> None:
    document = desk.open()
    known = document.session.connections
    assert known is not None
    desk.services.joined = replace(known, probe=99)
    desk.controller.join()
    desk.rest()
    assert document.session.connections is desk.services.joined
    assert document.undoable is None
    assert not document.unsaved
    assert not desk.view.title[1]
    assert desk.view.works[-1] is None


def test_connecting_is_said_in_passing_and_takes_the_place_of_what_asked_for_it(desk: Desk) -> None:
    desk.open()
    desk.view.show_notice(Notice("Choose File ▸ Connect network."))
    desk.controller.connect_network()
    desk.rest()
    assert desk.view.flashes == ["The network and its images are connected"]
    assert desk.view.notice is None


def test_opening_a_file_remembers_it(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "mine.cnnvis"
    path.write_text("a session")
    desk.controller.open(path)
    desk.rest()
    assert desk.view.title == ("mine", False)
    assert desk.settings.recent() == (path.resolve(),)


def test_a_broken_file_is_a_sentence_on_the_start_page(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "torn.cnnvis"
    path.write_text("")
    desk.services.error = UnreadableFile("torn.cnnvis must be a session; got something torn.")
    desk.controller.open(path)
    desk.rest()
    assert desk.view.page == "start"
    assert desk.view.notice is not None
    assert "torn" in desk.view.notice.text


def test_an_unexpected_error_has_details_to_copy(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "a.cnnvis"
    path.write_text("")
    desk.services.error = ZeroDivisionError("by zero")
    desk.controller.open(path)
    desk.rest()
    assert desk.view.notice is not None
    assert "Traceback" in desk.view.notice.details


def test_unsaved_work_is_asked_about(desk: Desk) -> None:
    desk.open()
    desk.controller.rename(LAYER, 0, "ears")
    assert not desk.controller.may_leave()
    desk.view.answer = "discard"
    assert desk.controller.may_leave()
    assert desk.view.asked == ["unsaved", "unsaved"]


def test_saving_before_leaving_asks_where_once(desk: Desk, tmp_path: Path) -> None:
    desk.open()
    desk.controller.rename(LAYER, 0, "ears")
    desk.view.answer, desk.view.where = "save", tmp_path / "new.cnnvis"
    assert desk.controller.may_leave()
    assert desk.services.saved == [tmp_path / "new.cnnvis"]
    assert desk.view.title == ("new", False)


def test_a_save_that_fails_keeps_the_work_open(desk: Desk, tmp_path: Path) -> None:
    desk.open()
    desk.controller.rename(LAYER, 0, "ears")
    desk.view.answer, desk.view.where = "save", tmp_path / "new.cnnvis"
    desk.services.error = UnreadableFile("The disk must have room; it is full.")
    assert not desk.controller.may_leave()
    assert desk.controller.document is not None
    assert desk.controller.document.unsaved


def test_an_edit_during_a_save_stays_unsaved(desk: Desk, tmp_path: Path) -> None:
    document = desk.open()
    desk.controller.rename(LAYER, 0, "ears")
    desk.controller.save(tmp_path / "a.cnnvis")
    desk.controller.rename(LAYER, 1, "tails")
    desk.rest()
    assert document.unsaved


def test_an_analysis_shows_what_is_known_so_far(desk: Desk) -> None:
    whole = desk.services.session
    bare = replace(whole, activations=None, connections=None, analysis=replace(whole.analysis, clusters={}))

    def analysis(trust: Collection[str], progress: Reporter) -> Session:
        progress.partial(bare)
        progress(5, 10, "reading images")
        return whole

    desk.services.analysis = analysis
    desk.controller.analyze(JOB)
    desk.rest()
    assert desk.controller.session is not None
    assert desk.controller.session.activations is whole.activations
    assert any(work is not None and work.what == "Reading images" for work in desk.view.works)
    assert desk.view.works[-1] is None
    assert desk.view.title == ("made up", True)


def test_what_the_user_does_during_an_analysis_is_kept(desk: Desk) -> None:
    whole = desk.services.session
    early = replace(whole, connections=None)
    controller = desk.controller
    controller._learn(early)
    controller.rename(LAYER, 0, "ears")
    controller._learn(whole)
    assert controller.session is not None
    assert controller.session.analysis.clusters[LAYER][0].name == "ears"
    assert controller.session.connections is whole.connections


def test_a_stopped_analysis_leaves_what_was_done(desk: Desk) -> None:
    def analysis(trust: Collection[str], progress: Reporter) -> Session:
        progress.partial(desk.services.session)
        while True:
            progress(1, 10, "reading images")

    desk.services.analysis = analysis
    desk.controller.analyze(JOB)
    desk.qtbot.waitUntil(lambda: desk.controller.diagram is not None)
    desk.controller.cancel()
    desk.rest()
    assert desk.controller.document is not None
    assert desk.view.notice is not None
    assert desk.view.notice.text.startswith("Stopped")


def test_a_broken_job_ends_on_the_start_page_with_a_sentence(desk: Desk) -> None:
    def analysis(trust: Collection[str], progress: Reporter) -> Session:
        raise RuntimeError("CUDA out of memory")

    desk.services.analysis = analysis
    desk.controller.analyze(JOB)
    desk.rest()
    assert desk.view.page == "start"
    assert desk.view.notice is not None
    assert "memory was not enough" in desk.view.notice.text


def test_trust_is_asked_once_and_remembered_by_hash(desk: Desk) -> None:
    def analysis(trust: Collection[str], progress: Reporter) -> Session:
        if "abc" not in trust:
            raise UntrustedCode("net.pt would run code.", "net.pt", "abc")
        return desk.services.session

    desk.services.analysis, desk.view.trusts = analysis, True
    for _ in range(2):
        desk.controller.analyze(JOB)
        desk.rest()
        assert desk.controller.document is not None
        desk.controller.document.mark_saved()
    assert desk.view.asked == ["trust"]
    assert desk.settings.text("trusted") == "abc"


def test_unsaved_work_is_copied_aside_and_removed_when_saved(desk: Desk, tmp_path: Path) -> None:
    desk.open()
    desk.controller.autosave()
    assert desk.jobs.idle
    desk.controller.rename(LAYER, 0, "ears")
    desk.rest()
    desk.controller.autosave()
    desk.rest()
    assert desk.autosaves.mine.exists()
    desk.controller.save(tmp_path / "a.cnnvis")
    desk.rest()
    assert not desk.autosaves.mine.exists()


def test_work_of_an_ended_program_is_offered(desk: Desk) -> None:
    orphan = desk.autosaves.mine.with_name("999999999.cnnvis")
    orphan.write_text("a session")
    desk.controller.offer_recovery()
    assert desk.view.notice is not None
    desk.view.notice.offers[0].act()
    desk.rest()
    assert desk.view.title == ("made up", True)
    assert not orphan.exists()
