"""Health is measured with every analysis, against a second checkpoint where the job names one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cnnvis.assets import resource
from cnnvis.errors import Cancelled, InvalidValue, UnreadableFile
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource, parse_job
from cnnvis.model.session import Session
from cnnvis.storage.archive import load, save
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.health import measured_health
from cnnvis.workflow.sources import connect_sources, fingerprints, open_sources

OTHER = resource("demo", "shortcut.safetensors")


def job(before: str | None = None) -> Job:
    source = NetworkSource("demo:healthy", before=before)
    return Job(source, DataSource("demo:healthy", per_class=1), AnalysisPlan(probe_images=1, device="cpu"))


@pytest.fixture(scope="module")
def session() -> Session:
    return analyze(job(str(OTHER)))


def test_an_analysis_ends_with_the_health_of_every_recorded_layer(session: Session) -> None:
    health, found = session.measurements.health, session.activations
    assert health is not None
    assert found is not None
    assert set(health.layers) == set(found.layers)
    assert health.n_samples == 10
    assert all(one.gradient > 0 for one in health.layers.values() if one.norm > 0)


def test_the_second_checkpoint_of_a_job_says_how_far_each_layer_moved(session: Session) -> None:
    health = session.measurements.health
    assert health is not None
    assert health.compared == "shortcut.safetensors"
    assert all(one.change > 0.1 for one in health.layers.values() if one.norm > 0)


def test_a_session_from_a_file_is_measured_again_alike(session: Session, tmp_path: Path) -> None:
    opened = load(save(session, tmp_path / "mine"))
    again = measured_health(opened, connect_sources(opened))
    assert session.measurements.health is not None
    for name, one in session.measurements.health.layers.items():
        assert again.layers[name].gradient == pytest.approx(one.gradient, rel=1e-4, nan_ok=True)
        assert again.layers[name].change == pytest.approx(one.change, nan_ok=True)


def test_any_checkpoint_can_be_compared_with_afterwards(session: Session, tmp_path: Path) -> None:
    sources = open_sources(job())
    with torch.no_grad():
        state = {name: tensor.clone() for name, tensor in sources.model.state_dict().items()}
        state["head.weight"] *= 2
    path = tmp_path / "twice.safetensors"
    save_file(state, path)
    health = measured_health(session, sources, before=path)
    assert health.compared == "twice.safetensors"
    assert health.layers["head"].change == pytest.approx(0.5)
    assert health.layers["stem.conv"].change == 0.0


def test_a_checkpoint_of_another_architecture_is_one_sentence_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"fc.weight": torch.zeros(2, 2)}, path)
    seen = []
    with pytest.raises(InvalidValue, match=r"other\.safetensors must fit DemoNetwork"):
        analyze(job(str(path)), progress=lambda done, total, what="": seen.append(what))
    assert "reading images" not in seen
    with pytest.raises(UnreadableFile, match=r"none\.safetensors does not"):
        analyze(job(str(tmp_path / "none.safetensors")))


def test_the_second_checkpoint_is_a_key_of_the_job_file() -> None:
    text = '[network]\nfactory = "demo:healthy"\nbefore = "old.safetensors"\n[data]\nsource = "demo:healthy"\n'
    found = parse_job(text, "/nowhere")
    assert found.network.before == "old.safetensors"
    assert parse_job(found.to_toml(), "/nowhere") == found
    with pytest.raises(InvalidValue, match="before must be the name of a second file of weights; got 3"):
        replace(found.network, before=3)  # type: ignore[arg-type]


def test_its_hash_is_kept_with_those_of_code_and_weights() -> None:
    assert fingerprints(job(str(OTHER)))["before"]["path"] == str(OTHER.resolve())


def test_a_cancel_while_health_is_measured_comes_through() -> None:
    def stop(done: int, total: int, what: str = "") -> None:
        if what == "measuring health" and done:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        analyze(job(), progress=stop)


def test_a_shard_leaves_health_to_the_whole() -> None:
    assert analyze(job(), shard=(1, 2)).measurements.health is None
