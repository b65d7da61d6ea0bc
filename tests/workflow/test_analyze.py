from dataclasses import replace

import numpy as np
import pytest

from cnnvis.errors import Cancelled, InvalidValue, NotConnected, UnknownName
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource, read_job
from cnnvis.storage.archive import load, save
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.demo import demo_job
from cnnvis.workflow.merge import merge_sessions
from cnnvis.workflow.report import report, report_text
from cnnvis.workflow.sources import connect_sources, connection_request

PLAN = AnalysisPlan(probe_images=4, device="cpu")


def small(n: int = 4) -> Job:
    return Job(NetworkSource("demo:healthy"), DataSource("demo:healthy", per_class=n), PLAN)


@pytest.fixture(scope="module")
def session():
    return analyze(small())


def test_a_job_becomes_a_session_with_every_part(session):
    assert session.activations.n_samples == 40
    assert session.activations.samples.accuracy > 0.9
    assert [g.name for g in session.analysis.groups] == ["stem", "stage1", "stage2", "stage3", "head"]
    for group in session.analysis.groups:
        assert group.representative in session.analysis.clusters
    assert ("stem.conv", "stage1.1/add#0") in session.connections.pairs
    assert session.pictures is not None
    assert session.provenance["versions"]["torch"]


def test_what_is_known_so_far_is_told_in_order():
    seen = []
    analyze(small(2), partial=seen.append)
    assert seen[0].activations is None
    assert seen[1].activations.n_samples > 0
    assert seen[-1].analysis.clusters
    assert seen[-1].connections is None


def test_the_same_job_gives_the_same_session(session):
    again = analyze(small())
    assert dict(again.analysis.clusters) == dict(session.analysis.clusters)
    for pair in session.connections.pairs:
        assert np.array_equal(again.connections.matrices[pair], session.connections.matrices[pair])


def test_command_line_values_stand_in_for_those_of_the_job():
    found = analyze(small(), per_class=1, seed=3, device="cpu")
    assert found.activations.n_samples == 10
    assert found.job.analysis.seed == 3


def test_shards_merge_into_the_session_of_one_run(session, tmp_path):
    shards = []
    for i in (1, 2, 3):
        path = save(analyze(small(), shard=(i, 3)), tmp_path / f"{i}", exact=True)
        shards.append(load(path))
    merged = merge_sessions(shards)
    assert merged.activations.samples.names == session.activations.samples.names
    for name, found in session.activations.layers.items():
        other = merged.activations[name]
        scale = np.abs(found.total).max()
        assert other.total == pytest.approx(found.total, abs=1e-5 * scale)
        assert np.array_equal(other.fired, found.fired)
        assert other.top_values == pytest.approx(found.top_values, rel=1e-4, abs=1e-5)
    assert {k: v.labels.tolist() for k, v in merged.analysis.clusters.items()} == {
        k: v.labels.tolist() for k, v in session.analysis.clusters.items()
    }


def test_the_input_is_judged_over_all_shards_and_not_in_each(tmp_path):
    names = ("tree", "house", "flower", "fish", "face", "cup", "clock", "car", "boat", "bird")
    wrong = replace(small(12), network=NetworkSource("demo:healthy", classes=names))
    shards = [analyze(wrong, shard=(i, 2)) for i in (1, 2)]
    assert all(s.activations.notes == () for s in shards)
    (note,) = merge_sessions(shards).activations.notes
    assert "order" in note
    assert analyze(wrong).activations.notes == (note,)


def test_an_empty_shard_is_refused_in_one_sentence():
    with pytest.raises(InvalidValue, match="Use fewer shards"):
        analyze(small(1), shard=(11, 11))


def test_a_cancel_comes_through():
    def stop(done, total, what=""):
        if what == "reading images":
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        analyze(small(1), progress=stop)


def test_the_report_says_what_the_session_holds(session):
    found = report(session)
    assert found["accuracy"] == session.activations.samples.accuracy
    assert found["images"] == {
        "read": 40,
        "skipped": 0,
        "skipped_files": [],
        "groups": dict.fromkeys(session.activations.groups, 4.0),
    }
    assert found["columns"][0]["representative"] == "stem.conv"
    assert "stage2" in report_text(session)


def test_a_session_from_a_file_connects_to_its_network_again(session, tmp_path):
    opened = load(save(session, tmp_path / "mine"))
    assert connection_request(opened).missing == ()
    sources = connect_sources(opened)
    assert len(sources.data) == 40


def test_another_network_is_not_connected(session, tmp_path):
    (tmp_path / "net.py").write_text("from torch import nn\n\ndef make():\n    return nn.Linear(3 * 64 * 64, 10)\n")
    other = Job(NetworkSource("net.py:make"), DataSource("demo:healthy", per_class=1), PLAN, tmp_path)
    with pytest.raises(Exception, match=r"Linear|layers|shape|input"):
        connect_sources(replace(session, job=other))


def test_a_session_without_a_job_cannot_be_connected(session):
    with pytest.raises(NotConnected, match="job"):
        connection_request(replace(session, job=None))


def test_changed_and_missing_files_are_named(session, tmp_path):
    job = replace(session.job, network=NetworkSource("net.py:make", weights="w.safetensors"), folder=tmp_path)
    (tmp_path / "net.py").write_text("x = 1\n")
    then = {"code": {"path": "net.py", "sha256": "0" * 64}, "weights": {"path": "w.safetensors", "sha256": "1" * 64}}
    asked = connection_request(replace(session, job=job, provenance={"files": then}))
    assert asked.changed == (str((tmp_path / "net.py").resolve()),)
    assert asked.missing == ("w.safetensors",)


def test_what_may_run_is_sealed_by_path_and_hash_of_all_code(session, tmp_path):
    for name in ("net.py", "data.py"):
        (tmp_path / name).write_text("x = 1\n")

    def seals(data, factory="net.py:make"):
        job = replace(session.job, network=NetworkSource(factory), data=DataSource(data), folder=tmp_path)
        return connection_request(replace(session, job=job)).seals

    images = seals("images.zip")
    assert len(images) == 1
    assert images < seals("data.py:make")
    assert seals("gone.py:make") == frozenset()
    assert seals("images.zip", factory="torchvision:resnet18") == frozenset()
    (tmp_path / "net.py").write_text("x = 2\n")
    assert seals("images.zip").isdisjoint(images)


def test_an_unknown_demo_is_answered_with_the_known_ones():
    with pytest.raises(UnknownName, match="healthy"):
        demo_job("helthy")


@pytest.mark.real
def test_resnet20_on_cifar_is_as_accurate_as_published(shared, tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(
        f'[network]\nfactory = "{shared}/models/zoo.py:resnet20"\n'
        f'weights = "{shared}/data/resnet20_cifar10.safetensors"\ninput = [3, 32, 32]\n'
        'classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]\n'
        f'[data]\nsource = "{shared}/data/cifar10.zip"\ninside = "test"\n'
        "mean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\n[analysis]\nprobe_images = 8\n"
    )
    found = analyze(read_job(path), per_class=50)
    assert found.activations.n_samples == 500
    assert 0.76 < found.activations.samples.accuracy < 0.86
    assert [g.name for g in found.analysis.groups] == ["conv1", "layer1", "layer2", "layer3", "linear"]
