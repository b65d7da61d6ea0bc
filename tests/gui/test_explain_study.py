"""Asking why, between a real document and a network that only pretends to answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import FakeServices, FakeView
from pytestqt.qtbot import QtBot
from sessions import made_up_session

from cnnvis.errors import InvalidValue
from cnnvis.gui.autosave import Autosaves
from cnnvis.gui.controller import Controller
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.places import Places, Settings
from cnnvis.gui.studies import explain as study
from cnnvis.gui.studies import trust
from cnnvis.gui.studies.explain import Asking, Region
from cnnvis.gui.studies.trust import Judging
from cnnvis.model.attribution import Attribution, Map
from cnnvis.model.document import Document
from cnnvis.model.question import Question
from cnnvis.model.scorecard import Scorecard
from cnnvis.model.seeing import Seeing
from cnnvis.model.target import Target
from cnnvis.progress import hand_over

DOG = Target("fc", (1,))
QUESTION = Question(3, DOG, "Grad-CAM", {"layer": None})


@dataclass
class Desk:
    controller: Controller
    jobs: Jobs
    view: FakeView
    qtbot: QtBot
    told: list[Asking] = field(default_factory=list)
    seen: list[Region | None] = field(default_factory=list)
    answered: list[Question] = field(default_factory=list)

    def ask(self, *questions: Question) -> None:
        self.controller.explain.ask(questions)
        self.qtbot.waitUntil(lambda: self.jobs.idle)

    @property
    def document(self) -> Document:
        assert self.controller.document is not None
        return self.controller.document


def answer(question: Question) -> Attribution:
    assert isinstance(question.image, int)
    evidence = Map(np.ones((4, 4), np.float32))
    return Attribution(evidence, question.image, question.target, question.method, dict(question.parameters), {})


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    places = Places.inside(tmp_path)
    view, jobs, services = FakeView(), Jobs(), FakeServices()
    services.sources = SimpleNamespace()  # type: ignore[assignment]
    controller = Controller(view, jobs, services, Settings(places), Autosaves(places.autosaves))
    found = Desk(controller, jobs, view, qtbot)
    controller.explain.told = found.told.append
    controller.explain.saw = found.seen.append

    def explained(session: Any, live: Any, image: Any, target: Target, method: Any, progress: Any) -> Attribution:
        question = Question(image, target, method.title, method.parameters)
        found.answered.append(question)
        return answer(question)

    def made(title: str, parameters: dict[str, Any]) -> SimpleNamespace:
        cost = SimpleNamespace(passes=2.0)
        return SimpleNamespace(title=title, parameters=parameters, cost=lambda network: cost)

    monkeypatch.setattr(study, "explain", explained)
    monkeypatch.setattr(study, "made", made)
    monkeypatch.setattr(study, "passes", lambda network, title, parameters: 2.0)
    controller.show(made_up_session())
    qtbot.waitUntil(lambda: jobs.idle)
    found.document.mark_saved()
    yield found
    jobs.close()


def test_an_answer_is_kept_but_is_no_step_of_the_history(desk: Desk) -> None:
    desk.ask(QUESTION)
    (kept,) = desk.document.session.attributions
    assert kept.key == QUESTION.key(desk.document.session)
    assert desk.document.unsaved
    assert desk.document.undoable is None
    assert desk.told[-1].waiting == ()


def test_the_same_question_is_answered_from_the_session_without_a_network(desk: Desk) -> None:
    desk.ask(QUESTION)
    desk.controller._services.sources = None  # type: ignore[misc]
    desk.ask(QUESTION)
    assert len(desk.answered) == 1
    assert desk.told[-1] == desk.controller.explain.asking
    assert desk.told[-1].failed == ""


def test_without_the_network_a_new_question_says_so(desk: Desk) -> None:
    desk.controller._services.sources = None  # type: ignore[misc]
    desk.ask(QUESTION)
    assert desk.told[-1].unconnected
    assert "must be connected" in desk.told[-1].failed
    assert desk.jobs.idle


def test_several_methods_answer_one_after_the_other(desk: Desk) -> None:
    desk.ask(QUESTION, Question(3, DOG, "Saliency"))
    assert [a.method for a in desk.document.session.attributions] == ["Grad-CAM", "Saliency"]


def test_what_is_asked_meanwhile_waits_for_its_turn(desk: Desk) -> None:
    others = Question(3, DOG, "Saliency"), Question(3, DOG, "Occlusion")
    desk.controller.explain.ask((QUESTION,))
    desk.controller.explain.ask(others)
    desk.controller.explain.ask((QUESTION,))  # is asked already
    assert desk.told[-1].waiting == (QUESTION, *others)
    desk.qtbot.waitUntil(lambda: desk.jobs.idle)
    assert [a.method for a in desk.document.session.attributions] == ["Grad-CAM", "Saliency", "Occlusion"]
    assert desk.told[-1].waiting == ()


def test_stopping_forgets_what_waits_and_what_is_asked_then_is_answered(desk: Desk) -> None:
    desk.controller.explain.ask((QUESTION,))
    desk.controller.explain.ask((Question(3, DOG, "Saliency"),))
    desk.controller.explain.stop()
    desk.ask(Question(3, DOG, "Occlusion"))
    assert "Saliency" not in [a.method for a in desk.document.session.attributions]
    assert desk.document.session.attributions[-1].method == "Occlusion"
    assert desk.told[-1].waiting == ()


def test_one_that_fails_is_a_sentence_and_the_others_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(session: Any, live: Any, image: Any, target: Target, method: Any, progress: Any) -> Attribution:
        if method.title == "CAM":
            raise InvalidValue("CAM needs a head that pools; made up has none.")
        return answer(Question(image, target, method.title, method.parameters))

    monkeypatch.setattr(study, "explain", failing)
    desk.ask(Question(3, DOG, "CAM"), QUESTION)
    assert [a.method for a in desk.document.session.attributions] == ["Grad-CAM"]
    assert desk.told[-1].failed == "CAM needs a head that pools; made up has none."
    desk.controller.explain.calm()
    assert desk.told[-1].failed == ""


def test_what_is_known_so_far_is_shown_and_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(session: Any, live: Any, image: Any, target: Target, method: Any, progress: Any) -> Attribution:
        hand_over(progress, Map(np.full((4, 4), 0.5, np.float32)))
        progress(1, 2, "covering the picture")
        return answer(Question(image, target, method.title, method.parameters))

    monkeypatch.setattr(study, "explain", slow)
    desk.ask(QUESTION)
    partial = next(asking.partial for asking in desk.told if asking.partial is not None)
    assert partial.sample == 3
    assert partial.evidence.values[0, 0] == 0.5  # type: ignore[union-attr, index]
    assert desk.document.session.attributions == (desk.told[-1].partial,)


def test_stopping_in_the_middle_keeps_what_was_found(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(session: Any, live: Any, image: Any, target: Target, method: Any, progress: Any) -> Attribution:
        if method.title == "LIME":
            desk.jobs.running(study.TOPIC).cancel()  # type: ignore[union-attr]
            progress(1, 9, "trying masks")
        return answer(Question(image, target, method.title, method.parameters))

    monkeypatch.setattr(study, "explain", stopped)
    desk.ask(QUESTION, Question(3, DOG, "LIME"), Question(3, DOG, "Saliency"))
    assert [a.method for a in desk.document.session.attributions] == ["Grad-CAM"]
    assert desk.told[-1].waiting == ()
    assert desk.told[-1].failed == ""
    assert desk.view.works[-1] is None


@pytest.mark.parametrize(("cost", "lane"), [(2.0, "short"), (1024.0, "long")])
def test_long_methods_do_not_keep_clicks_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, cost: float, lane: str
) -> None:
    monkeypatch.setattr(study, "passes", lambda network, title, parameters: cost)
    assert desk.controller.explain._lane((QUESTION,)) == lane


def test_an_explanation_can_be_removed(desk: Desk) -> None:
    desk.ask(QUESTION)
    desk.controller.explain.forget(QUESTION.key(desk.document.session))
    assert desk.document.session.attributions == ()


def test_a_region_lights_the_neurons_that_see_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = np.zeros(12, np.float32)
    inside[[4, 7]] = 3.0, 2.0
    found = Seeing((0, 0, 4, 4), {"conv2": inside}, {"conv2": np.zeros(12, np.float32)})
    monkeypatch.setattr(study, "seeing", lambda session, live, image, box, progress: found)
    desk.controller.explain.look_at(3, (0, 0, 4, 4))
    desk.qtbot.waitUntil(lambda: desk.jobs.idle)
    region = desk.seen[-1]
    assert region is not None
    assert {unit for unit, _ in region.units["conv2"]} == {4, 7}
    assert set(desk.view.selection) == {("unit", "conv2", 4), ("unit", "conv2", 7)}


def test_leaving_the_session_forgets_what_was_said_of_it(desk: Desk) -> None:
    desk.ask(QUESTION)
    desk.controller.explain.leave()
    assert desk.told[-1] == desk.controller.explain.asking
    assert desk.seen[-1] is None


def test_scores_come_one_by_one_and_are_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Judging] = []
    desk.controller.trust.told = told.append

    def judged(session: Any, live: Any, found: Attribution, progress: Any) -> Scorecard:
        hand_over(progress, Scorecard(found.key, found.method, {"mufidelity": 0.4}))
        return Scorecard(found.key, found.method, {"mufidelity": 0.4, "jaccard": 0.2})

    monkeypatch.setattr(trust, "judged", judged)
    monkeypatch.setattr(trust, "judging_cost", lambda session, live, found, progress: SimpleNamespace(seconds=7.0))
    desk.ask(QUESTION)
    (found,) = desk.document.session.attributions
    desk.controller.trust.foresee(found)
    desk.qtbot.waitUntil(lambda: desk.jobs.idle)
    assert (told[-1].key, told[-1].seconds) == (found.key, 7.0)
    desk.controller.trust.measure_scores(found)
    desk.qtbot.waitUntil(lambda: desk.jobs.idle)
    assert [set(j.card.scores) for j in told if j.card is not None] == [{"mufidelity"}]
    assert set(desk.document.session.measurements.scorecards[found.key].scores) == {"mufidelity", "jaccard"}
    assert not told[-1].working


def test_measuring_can_be_stopped_and_says_nothing_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(session: Any, live: Any, found: Attribution, progress: Any) -> Scorecard:
        desk.jobs.running(trust.TOPIC).cancel()  # type: ignore[union-attr]
        progress(1, 2, "measuring")
        return Scorecard(found.key, found.method, {})

    monkeypatch.setattr(trust, "judged", judged)
    desk.ask(QUESTION)
    (found,) = desk.document.session.attributions
    desk.controller.trust.measure_scores(found)
    desk.qtbot.waitUntil(lambda: desk.jobs.idle)
    assert desk.document.session.measurements.scorecards == {}
    assert desk.controller.trust.judging.failed == ""
