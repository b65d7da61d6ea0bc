"""The report of a session tells its findings, worst first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sessions import made_up_session

from cnnvis.workflow.report import report, report_text


def test_the_report_tells_what_was_found_and_why() -> None:
    session = made_up_session(n=40)
    assert session.activations is not None
    dead = replace(session.activations["conv1"], fired=np.zeros(6, int))
    layers = {**session.activations.layers, "conv1": dead}
    session = replace(session, activations=replace(session.activations, layers=layers))
    first = report(session)["findings"][0]
    assert first["text"] == "conv1: all 6 neurons never fire"
    assert (first["level"], first["layer"], first["class"]) == ("alarm", "conv1", None)
    assert "learning rate" in first["cause"]
    assert "!! conv1: all 6 neurons never fire (on any of 40 images)" in report_text(session)
