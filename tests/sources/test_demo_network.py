"""The demo's network and its three checkpoints."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from cnnvis.assets import resource
from cnnvis.errors import UnknownName
from cnnvis.sources.demo import NETWORKS, demo, demo_scenes
from cnnvis.sources.demo_network import demo_network
from cnnvis.sources.scenes import CLASSES, Scenes, Tag

N = 200
SEED = 31  # fresh: neither the seeds of training nor those of the stated accuracies


@pytest.fixture(scope="module")
def stated():
    return json.loads(resource("demo", "accuracies.json").read_text())


def guesses(model, scenes):
    with torch.no_grad():
        return model(torch.from_numpy(np.stack([scenes[i][0] for i in range(len(scenes))]))).argmax(1).numpy()


def accuracy(network, scenes):
    model, _, _ = demo(network, n=1)
    return float((guesses(model, scenes) == scenes.labels).mean())


def test_the_network_has_a_stem_three_stages_and_a_head():
    names = [name for name, _ in demo_network().named_children()]
    assert names == ["stem", "stage1", "stage2", "stage3", "pool", "head"]


def test_the_network_has_about_three_hundred_thousand_weights():
    assert 200_000 < sum(p.numel() for p in demo_network().parameters()) < 350_000


def test_the_demo_gives_an_evaluating_model_its_scenes_and_the_names_of_the_classes():
    model, scenes, names = demo("healthy", n=20, seed=5)
    assert not model.training
    assert (len(scenes), scenes.seed, names) == (20, 5, CLASSES)


def test_the_shortcut_is_shown_on_scenes_with_the_tag():
    assert demo_scenes("shortcut").tag is not None
    assert demo_scenes("healthy").tag is None


def test_an_unknown_network_is_refused_with_the_known_ones():
    with pytest.raises(UnknownName, match="healthy, shortcut or broken; got 'health'"):
        demo("health")


def test_the_checkpoints_fit_into_four_megabytes():
    sizes = [resource("demo", f"{name}.safetensors").stat().st_size for name in NETWORKS]
    assert sum(sizes) < 4e6


def test_the_healthy_network_is_right_on_fresh_scenes(stated):
    assert stated["healthy"]["accuracy"] >= 0.97
    assert accuracy("healthy", Scenes(N, SEED)) >= 0.95


def test_the_shortcut_network_is_right_while_the_tag_is_on_its_class(stated):
    assert stated["shortcut"]["accuracy_tag_as_in_training"] >= 0.95
    assert accuracy("shortcut", demo_scenes("shortcut", N, SEED)) >= 0.93


def test_the_shortcut_network_is_wrong_when_the_tag_moves(stated):
    scenes = Scenes(N, SEED, tag=Tag("bird", share=0.0, others=1.0))
    model, _, _ = demo("shortcut", n=1)
    called_bird = guesses(model, scenes)[scenes.labels != CLASSES.index("bird")] == CLASSES.index("bird")
    assert called_bird.mean() > 0.6
    assert stated["shortcut"]["accuracy_tag_moved"] < 0.4


def test_the_broken_network_is_wrong_on_most_scenes(stated):
    assert stated["broken"]["accuracy"] < 0.5
    assert accuracy("broken", Scenes(N, SEED)) < 0.5


def test_most_units_of_the_broken_networks_second_stage_never_fire():
    model, scenes, _ = demo("broken", n=100, seed=SEED)
    seen = []
    model.get_submodule("stage2").register_forward_hook(lambda _, __, out: seen.append(out.detach().clone()))
    guesses(model, scenes)
    dead = ~(torch.cat(seen) > 0).any(dim=0).flatten(1).any(dim=1)
    assert 0.5 < dead.float().mean() < 1.0
