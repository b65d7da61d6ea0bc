import contextlib
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import UnreadableFile
from cnnvis.model.attribution import Attribution, Map
from cnnvis.model.network import Field, Layer, Network
from cnnvis.model.plain import network_from_dict, network_to_dict
from cnnvis.model.session import Look
from cnnvis.model.target import Target
from cnnvis.storage import archive
from cnnvis.storage.archive import load, save


@pytest.fixture
def session():
    return made_up_session()


@pytest.fixture
def saved(session, tmp_path):
    return save(session, tmp_path / "mine.cnnvis")


def rewritten(path, name, content):
    """The archive with one entry replaced."""
    with zipfile.ZipFile(path) as source:
        entries = {n: source.read(n) for n in source.namelist()}
    entries[name] = content
    with zipfile.ZipFile(path, "w") as target:
        for key, value in entries.items():
            target.writestr(key, value)
    return path


def test_a_session_comes_back_as_it_was_saved(session, tmp_path):
    edited = session.analysis.with_clusters("conv1", session.analysis.clusters["conv1"].merge(0, 1).rename(0, "edges"))
    edited = edited.with_note("conv1:3", "looks at corners")
    faces = Target("conv1", (1, 2))
    cam = Attribution(Map(np.ones((4, 4), np.float32)), 3, faces, "Grad-CAM", {"layer": None}, {"torch": "2"})
    look = Look(expanded=frozenset({"conv2"}), opened=frozenset({("conv1", 2)}), share=0.5, chosen=1)
    look = replace(look, cards=(("conv1", (2, 0, 1)),))
    before = replace(session, analysis=edited, attributions=(cam,), look=look)
    after = load(save(before, tmp_path / "mine"))
    assert after.analysis.clusters["conv1"] == edited.clusters["conv1"]
    assert after.analysis.edited == {"conv1"}
    assert after.analysis.notes == {"conv1:3": "looks at corners"}
    assert after.analysis.network.layers == session.analysis.network.layers
    assert after.analysis.groups == session.analysis.groups
    assert after.analysis.recipes == session.analysis.recipes
    assert after.look == look
    assert after.attributions[0].target == faces
    assert np.array_equal(after.attributions[0].evidence.values, cam.evidence.values)
    assert after.activations.samples.names == session.activations.samples.names
    assert after.activations.samples.skipped == session.activations.samples.skipped
    assert np.array_equal(after.connections.between("conv1", "conv2"), session.connections.between("conv1", "conv2"))


def test_every_property_of_a_layer_comes_back():
    odd = Layer(
        "a.b#1/add#0", "add", (7, 4), "structural", -1, 4, 3, (2,), (3,), ("x",), "m.M", True, Field((1,), (2,), (3,))
    )
    odd = replace(odd, batch_axis=1, parts=6)
    network = Network("n", (odd, Layer("x", "relu", (7, 4), "folded")), (), ("k",) * 4, "a.b#1/add#0", varies=True)
    after = network_from_dict(json.loads(json.dumps(network_to_dict(network))))
    assert after.layers == network.layers
    assert after.varies
    assert {f.name for f in fields(Layer)} == set(network_to_dict(network)["layers"][0])


def test_mean_responses_are_kept_to_half_precision(session, saved):
    after, before = load(saved).activations, session.activations
    assert after.means("conv2") == pytest.approx(before.means("conv2"), abs=2e-3 * before.means("conv2").max())
    assert np.array_equal(after["conv2"].top_samples, before["conv2"].top_samples)


def test_an_exact_session_keeps_every_sum(session, tmp_path):
    after = load(save(session, tmp_path / "shard", exact=True)).activations
    for name, found in session.activations.layers.items():
        assert np.array_equal(after[name].total, found.total)
        assert np.array_equal(after[name].squares, found.squares)
        assert np.array_equal(after[name].pooled, found.pooled)


def test_classes_without_samples_stay_without_means(tmp_path):
    after = load(save(made_up_session(classes=5, empty_classes=2), tmp_path / "few")).activations
    assert np.isnan(after.means("conv1")[:, 3:]).all()
    assert np.isfinite(after.means("conv1")[:, :3]).all()


def test_pictures_are_kept_unless_left_out(session, tmp_path):
    whole, without = save(session, tmp_path / "a"), save(session, tmp_path / "b", images=False)
    assert np.array_equal(load(whole).picture(3), session.picture(3))
    assert load(without).picture(3) is None
    assert archive.describe(whole)["pictures"] == 24
    assert archive.describe(without)["pictures"] == 0


def test_pooled_responses_stay_within_the_budget(session, tmp_path):
    size = session.activations["conv1"].pooled.nbytes
    after = load(save(session, tmp_path / "small", pooled_budget=size)).activations
    assert after["conv1"].pooled is not None
    assert after["conv2"].pooled is None


def test_nothing_is_left_beside_the_file(saved):
    assert [p.name for p in saved.parent.iterdir()] == ["mine.cnnvis"]


def test_a_kill_in_the_middle_of_a_save_leaves_the_old_file_whole(saved):
    before = saved.read_bytes()
    code = (
        "import os, signal, sys\n"
        f"sys.path.insert(0, {os.path.dirname(os.path.dirname(__file__))!r})\n"
        "import zipfile\n"
        "from sessions import made_up_session\n"
        "from cnnvis.storage.archive import save\n"
        "count = 0\n"
        "real = zipfile.ZipFile.writestr\n"
        "def dying(self, *args, **kwargs):\n"
        "    global count\n"
        "    count += 1\n"
        "    if count == 5:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(self, *args, **kwargs)\n"
        "zipfile.ZipFile.writestr = dying\n"
        f"save(made_up_session(seed=1), {str(saved)!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode != 0
    assert saved.read_bytes() == before
    assert load(saved).analysis.network.name == "made up"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_torn_file_is_one_clear_sentence(saved, share):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnreadableFile, match=r"mine\.cnnvis must be a session file") as caught:
        load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bytes_never_crash_the_reader(saved, seed):
    rng = np.random.default_rng(seed)
    content = bytearray(saved.read_bytes())
    for place in rng.integers(0, len(content), 20):
        content[place] ^= int(rng.integers(1, 255))
    saved.write_bytes(bytes(content))
    with contextlib.suppress(UnreadableFile):  # any other error fails the test
        load(saved)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", b"[]"),
        ("manifest.json", b"{"),
        ("manifest.json", b'{"format": "cnnvis session"}'),
        ("analysis.json", b"{}"),
        ("analysis.json", b'{"network": 3}'),
        ("look.json", b'{"expanded": 3}'),
        ("samples.safetensors", b"garbage"),
        ("responses/0.safetensors", b"\xff" * 64),
    ],
)
def test_damaged_content_is_one_clear_sentence(saved, name, content):
    with pytest.raises(UnreadableFile, match=r"mine\.cnnvis"):
        load(rewritten(saved, name, content))


def test_another_kind_of_zip_is_refused(tmp_path):
    path = tmp_path / "other.cnnvis"
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("manifest.json", '{"format": "something"}')
    with pytest.raises(UnreadableFile, match="another kind of zip"):
        load(path)


def test_a_newer_format_asks_for_an_update(saved):
    found = archive.describe(saved)
    with pytest.raises(UnreadableFile, match="Update cnnvis"):
        load(rewritten(saved, "manifest.json", json.dumps(found | {"version": 99}).encode()))


def test_a_zip_that_grows_without_end_is_refused(tmp_path):
    path = tmp_path / "bomb.cnnvis"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb, bomb.open("manifest.json", "w") as entry:
        for _ in range(300):
            entry.write(bytes(2**20))
    with pytest.raises(UnreadableFile, match="64-fold"):
        load(path)


def test_a_hostile_picture_is_no_picture(saved):
    session = load(rewritten(saved, "pictures/3.png", b"GIF89a" + bytes(40)))
    assert session.picture(3) is None


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(UnreadableFile, match="no such file"):
        load(tmp_path / "none.cnnvis")
    with pytest.raises(UnreadableFile, match="folder"):
        load(tmp_path)


def test_a_folder_that_does_not_exist_is_said_when_saving(session, tmp_path):
    with pytest.raises(UnreadableFile, match="Choose another place"):
        save(session, tmp_path / "none" / "mine.cnnvis")


def test_the_same_session_gives_the_same_entries(session, tmp_path):
    def entries(path):
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as found:
            return {n: found.read(n) for n in found.namelist()}

    assert entries(save(session, tmp_path / "a")) == entries(save(session, tmp_path / "b"))


@pytest.mark.parametrize("path", sorted((Path(__file__).parent / "samples").glob("*.cnnvis")), ids=lambda p: p.stem)
def test_a_file_of_every_format_ever_written_still_opens(path):
    session = load(path)
    layer = session.analysis.groups[3].representative
    assert next(iter(session.analysis.clusters[layer])).name == "merged by hand"
    assert session.analysis.notes == {"stem.conv": "the first layer"}
    assert session.activations.n_samples == 10
    assert session.picture(3).shape == (64, 64, 3)
    assert len(session.connections.pairs) == 4


def test_a_file_of_format_2_still_holds_what_was_measured():
    session = load(Path(__file__).parent / "samples" / "format-2.cnnvis")
    measured, layer = session.measurements, session.analysis.groups[3].representative
    merged = next(iter(session.analysis.clusters[layer]))
    assert merged.locked
    assert merged.pinned
    assert merged.colour == "#5a9c5e"
    assert measured.own.n_samples == 10
    assert measured.ablations[0].silenced == ((layer, merged.members),)
    assert measured.health.layers
    assert [edging.mode for edging in measured.connections] == ["class"]
    assert len(measured.instances) == 1
    assert [subset.name for subset in session.analysis.subsets] == ["the wrong ones", "birds"]
    assert session.look.facet_of(layer, merged.id) == "health"
