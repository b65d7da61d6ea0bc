from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, KMeans, MeanShift

from cnnvis.compute.cluster import cluster, cluster_layer, open_layers, recluster, split_in_two
from cnnvis.compute.clusterer import clusterer_of, default_k, recipe_of
from cnnvis.errors import Cancelled, InvalidValue, UnknownName
from cnnvis.model.activations import HISTOGRAM_BINS, Activations, Responses, Samples
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.groups import Group
from cnnvis.model.network import Edge, Layer, Network
from cnnvis.model.partition import Cluster, Partition

PER_CLASS = 3


def network(n: int, *, rectified: bool = True, classes: tuple[str, ...] = ("x", "y", "z")) -> Network:
    layers = (
        Layer("input", "input", (3, 8, 8), role="input"),
        Layer("conv", "Conv2d", (n, 8, 8), n_units=n, rectified=rectified),
        Layer("fc", "Linear", (3,), n_units=3),
    )
    return Network("net", layers, (Edge("input", "conv"), Edge("conv", "fc")), classes, "fc")


GROUPS = (Group(0, "conv", ("conv",), "conv"), Group(1, "fc", ("fc",), "fc"))


def responses(layer: str, means: np.ndarray) -> Responses:
    n, m = means.shape
    return Responses(
        layer,
        total=means * PER_CLASS,
        squares=means**2 * PER_CLASS,
        highest=means.astype("f4"),
        fired=np.where((means > 0).any(1), m * PER_CLASS, 0),
        histogram=np.zeros((n, HISTOGRAM_BINS), np.int64),
        place=None,
        top_samples=np.zeros((n, 1), np.int64),
        top_values=np.zeros((n, 1), "f4"),
        top_places=np.zeros((n, 1, 2), np.int32),
    )


def activations(means: np.ndarray) -> Activations:
    means = np.asarray(means, float)
    m = means.shape[1]
    n = m * PER_CLASS
    ranked = np.zeros((n, 1), np.int32)
    samples = Samples(
        tuple(map(str, range(n))), np.arange(n), np.arange(n) % m, ranked, np.ones((n, 1), "f4"), np.ones(n, bool)
    )
    layers = {"conv": responses("conv", means), "fc": responses("fc", np.eye(3, m))}
    return Activations(tuple(map(str, range(m))), "class", np.full(m, float(PER_CLASS)), layers, samples)


def selective(n: int, m: int = 6, seed: int = 0) -> np.ndarray:
    """Units that each like one class, half as many from class to class."""
    rng = np.random.default_rng(seed)
    liked = np.minimum(np.log2(n / np.arange(n, 0, -1)).astype(int), m - 1)
    return np.eye(m)[liked] * rng.uniform(1, 5, (n, 1)) + rng.uniform(0, 0.01, (n, m))


def members(partition: Partition) -> list[tuple[int, ...]]:
    return [c.members for c in partition]


def test_neurons_that_like_the_same_class_share_a_cluster() -> None:
    means = selective(40)
    found = cluster_layer(network(40), activations(means), "conv", Recipe(k=6))
    assert all(len(set(means[list(c.members)].argmax(1))) == 1 for c in found)


def test_clusters_are_numbered_by_size_then_best_class_then_smallest_member() -> None:
    means = np.eye(4)[[3, 3, 2, 2, 0, 1, 1, 1]]
    found = cluster_layer(network(8), activations(means), "conv", Recipe(k=4))
    assert members(found) == [(5, 6, 7), (2, 3), (0, 1), (4,)]
    assert [c.id for c in found] == [0, 1, 2, 3]


def test_the_same_seed_gives_the_same_clusters() -> None:
    rng = np.random.default_rng(1)
    data = activations(rng.uniform(size=(60, 10)))
    one, other = (cluster_layer(network(60), data, "conv", Recipe(seed=5)) for _ in range(2))
    assert one == other


def test_the_order_of_the_neurons_does_not_change_who_belongs_together() -> None:
    means = selective(30)
    turned = np.random.default_rng(0).permutation(30)
    one = cluster_layer(network(30), activations(means), "conv", Recipe("AgglomerativeClustering", k=5))
    other = cluster_layer(network(30), activations(means[turned]), "conv", Recipe("AgglomerativeClustering", k=5))
    assert {frozenset(turned[list(c.members)].tolist()) for c in other} == {frozenset(c.members) for c in one}


def test_neurons_that_never_fire_form_one_last_cluster() -> None:
    means = selective(12)
    means[[2, 7]] = 0
    found = cluster_layer(network(12), activations(means), "conv", Recipe())
    assert (found.clusters[-1].members, found.clusters[-1].dead) == ((2, 7), True)
    assert not any(c.dead for c in found.clusters[:-1])


def test_dead_is_said_only_behind_a_rectifier() -> None:
    means = -selective(12)
    found = cluster_layer(network(12, rectified=False), activations(means), "conv", Recipe())
    assert not any(c.dead for c in found)


def test_a_layer_whose_neurons_are_all_dead_is_one_cluster() -> None:
    found = cluster_layer(network(5), activations(np.zeros((5, 4))), "conv", Recipe())
    assert [(c.members, c.dead) for c in found] == [((0, 1, 2, 3, 4), True)]


@pytest.mark.parametrize("name", ["KMeans", "MeanShift", "AgglomerativeClustering", "HDBSCAN", "Birch", "OPTICS"])
@pytest.mark.parametrize(
    "means",
    [
        np.ones((1, 3)),
        np.ones((6, 3)),
        np.eye(3)[[0, 1]],
        np.eye(3)[[0, 0, 1, 1, 1, 0]],
        np.full((4, 3), np.nan),
        np.arange(12.0)[:, None],
        np.random.default_rng(0).uniform(size=(30, 120)),
    ],
    ids=["one unit", "all equal", "two units", "two kinds", "not a number", "one group", "many classes"],
)
def test_every_clusterer_takes_awkward_layers(name: str, means: np.ndarray) -> None:
    n = len(means)
    found = cluster_layer(network(n), activations(means), "conv", Recipe(name))
    assert found.n_units == n


def test_no_more_clusters_than_different_profiles() -> None:
    means = np.eye(3)[[0, 0, 1, 1, 1, 0, 2, 2]]
    assert members(cluster_layer(network(8), activations(means), "conv", Recipe(k=8))) == [(0, 1, 5), (2, 3, 4), (6, 7)]


def test_with_one_group_of_samples_strength_decides() -> None:
    means = np.array([1.0, 1.1, 9.0, 9.1])[:, None]
    assert members(cluster_layer(network(4), activations(means), "conv", Recipe(k=2))) == [(0, 1), (2, 3)]


def test_what_a_density_based_clusterer_leaves_over_is_named_other() -> None:
    rng = np.random.default_rng(0)
    means = np.vstack([np.eye(5)[[0] * 8 + [1] * 8] + rng.uniform(0, 0.01, (16, 5)), [[0, 0, 5, 1, 0.0]]])
    found = cluster_layer(network(17), activations(means), "conv", Recipe("DBSCAN", parameters=(("eps", 0.2),)))
    assert [(c.members[-1], c.name) for c in found] == [(7, ""), (15, ""), (16, "other")]


def test_the_classes_stand_one_by_one_under_their_names() -> None:
    found = cluster_layer(network(4), activations(selective(4)), "fc", Recipe(k=2))
    assert [(c.id, c.members, c.title) for c in found] == [(0, (0,), "x"), (1, (1,), "y"), (2, (2,), "z")]
    plain = cluster_layer(network(4, classes=()), activations(selective(4)), "fc", Recipe())
    assert plain[1].name == "output 1"


def test_the_classes_need_not_be_recorded() -> None:
    found = activations(selective(4))
    found = replace(found, layers={"conv": found["conv"]})
    assert len(cluster_layer(network(4), found, "fc", Recipe())) == 3


def test_what_is_only_pooled_to_give_the_classes_shows_them_too() -> None:
    layers = (
        Layer("input", "input", (3, 8, 8), role="input"),
        Layer("conv", "Conv2d", (3, 8, 8), n_units=3),
        Layer("/mean#0", "mean", (3,), role="structural", n_units=3),
    )
    edges = (Edge("input", "conv"), Edge("conv", "/mean#0"))
    pooled = Network("net", layers, edges, ("x", "y", "z"), "/mean#0")
    assert set(pooled.class_layers) == {"conv", "/mean#0"}
    assert set(network(3).class_layers) == {"fc"}
    assert [c.name for c in cluster_layer(pooled, activations(np.eye(3)), "conv", Recipe(k=2))] == ["x", "y", "z"]


def test_groups_by_modules_are_the_default() -> None:
    found = cluster(network(20), activations(selective(20)))
    assert [g.representative for g in found.groups] == ["conv", "fc"]


def test_nothing_is_dead_before_a_sample_was_read() -> None:
    data = activations(np.zeros((4, 3)))
    unread = replace(data, samples=replace(data.samples, read=np.zeros(9, bool)), counts=np.zeros(3))
    assert [c.dead for c in cluster_layer(network(4), unread, "conv", Recipe())] == [False]


def test_locked_clusters_keep_members_ids_and_names() -> None:
    data, net = activations(selective(40)), network(40)
    before = cluster_layer(net, data, "conv", Recipe(k=6))
    hand = before.move([0, 39], before.clusters[2].id).rename(before.clusters[2].id, "mine").lock(before.clusters[2].id)
    after = cluster_layer(net, data, "conv", Recipe(k=4), locked=hand)
    assert after[before.clusters[2].id] is hand[before.clusters[2].id]
    assert len(after) == 4


def test_a_layer_with_every_cluster_locked_stays_as_it_is() -> None:
    locked = Partition.from_labels([0, 0, 1, 1]).lock(0).lock(1)
    found = cluster_layer(network(4), activations(selective(4)), "conv", Recipe(), locked=locked)
    assert set(found) == set(locked)


def test_clusters_that_are_not_locked_are_made_anew() -> None:
    data, net = activations(selective(40)), network(40)
    loose = Partition.from_labels(np.arange(40) % 2)
    assert cluster_layer(net, data, "conv", Recipe(), locked=loose) == cluster_layer(net, data, "conv", Recipe())


def test_an_analysis_holds_a_partition_for_each_representative() -> None:
    found = cluster(network(20), activations(selective(20)), layers=GROUPS)
    assert set(found.clusters) == {"conv", "fc"}
    assert found.groups == GROUPS
    assert found.recipe("conv") == Recipe()


def test_any_clusterer_of_scikit_learn_is_cloned_seeded_and_remembered() -> None:
    mine = KMeans(5, init="random", n_init=3)
    found = cluster(network(30), activations(selective(30)), neurons=mine, layers=GROUPS, seed=7)
    assert found.recipe("conv") == Recipe("KMeans", 5, (("init", "random"), ("n_init", 3)), 7)
    assert not hasattr(mine, "labels_")
    assert mine.random_state is None
    again = cluster_layer(network(30), activations(selective(30)), "conv", found.recipe("conv"))
    assert again == found.clusters["conv"]


def test_a_clusterer_from_elsewhere_is_used_once_but_cannot_be_made_again() -> None:
    from sklearn.mixture import GaussianMixture

    found = cluster(network(12), activations(selective(12)), neurons=GaussianMixture(2), layers=GROUPS)
    assert len(found.clusters["conv"]) <= 2
    with pytest.raises(UnknownName, match="GaussianMixture"):
        cluster_layer(network(12), activations(selective(12)), "conv", found.recipe("conv"))


def test_progress_is_told_of_each_layer_and_may_stop_it() -> None:
    heard: list[str] = []
    cluster(
        network(8), activations(selective(8)), layers=GROUPS, progress=lambda done, total, what="": heard.append(what)
    )
    assert heard == ["clustering conv", "clustering fc", "clustering"]

    def stop(done: int, total: int, what: str = "") -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        cluster(network(8), activations(selective(8)), layers=GROUPS, progress=stop)


def test_what_is_no_clusterer_is_refused_in_a_sentence() -> None:
    data, net = activations(selective(8)), network(8)
    with pytest.raises(InvalidValue, match=r"cluster\.neurons must be a scikit-learn clusterer"):
        cluster(net, data, neurons=3, layers=GROUPS)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="clusterer"):
        cluster(net, data, neurons=KMeans, layers=GROUPS)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="Did you mean 'KMeans'"):
        cluster(net, data, neurons="Kmeans", layers=GROUPS)
    with pytest.raises(InvalidValue, match=r"init must be a number.*got ndarray"):
        cluster(net, data, neurons=KMeans(2, init=np.zeros((2, 6))), layers=GROUPS)
    with pytest.raises(InvalidValue, match="KMeans must be one of its own; got 'eps'"):
        cluster_layer(net, data, "conv", Recipe(parameters=(("eps", 1),)))
    with pytest.raises(InvalidValue, match=r"clusterer of conv must .* which says: The 'linkage' parameter"):
        cluster_layer(net, data, "conv", Recipe("AgglomerativeClustering", parameters=(("linkage", "no"),)))


def test_a_session_cannot_name_code_outside_the_clusterers() -> None:
    for name in ("os", "k_means", "SpectralBiclustering", "FeatureAgglomeration", "_kmeans"):
        with pytest.raises(UnknownName, match="must be one of scikit-learn's"):
            clusterer_of(Recipe(name), 4)


@pytest.mark.parametrize(
    "estimator",
    [
        KMeans(3),
        MeanShift(bandwidth=0.5),
        AgglomerativeClustering(4, linkage="average"),
        AgglomerativeClustering(None, distance_threshold=0.5),
        HDBSCAN(min_cluster_size=4, copy=True),
        DBSCAN(eps=0.3),
    ],
    ids=lambda e: type(e).__name__,
)
def test_a_recipe_makes_the_same_clusterer_again(estimator: KMeans) -> None:
    again = clusterer_of(recipe_of(estimator, seed=0), 50)
    expected = {**estimator.get_params(), **({"random_state": 0} if hasattr(estimator, "random_state") else {})}
    assert again.get_params() == expected


@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 3), (16, 4), (64, 6), (128, 8), (2000, 16)])
def test_the_number_of_clusters_grows_with_the_root_of_the_layer(n: int, k: int) -> None:
    assert default_k(n) == k


def an_analysis(n: int = 40) -> tuple[Analysis, Activations]:
    net, data = network(n), activations(selective(n))
    return cluster(net, data, layers=GROUPS), data


def test_layers_are_clustered_anew_by_another_clusterer() -> None:
    before, data = an_analysis()
    after = recluster(before, data, KMeans(3), layers=["conv"], seed=7)
    assert after.recipe("conv") == Recipe(k=3, seed=7)
    assert after.clusters["conv"] == cluster_layer(before.network, data, "conv", Recipe(k=3, seed=7))
    assert after.clusters["fc"] is before.clusters["fc"]


def test_without_names_every_layer_is_clustered_anew_but_the_classes() -> None:
    before, data = an_analysis()
    after = recluster(before, data, "AgglomerativeClustering")
    assert after.recipe("conv") == Recipe("AgglomerativeClustering")
    assert after.clusters["fc"] is before.clusters["fc"]
    assert after.edited == frozenset()


def test_locked_clusters_are_kept_or_dropped() -> None:
    before, data = an_analysis()
    mine = before.clusters["conv"].gather([0, 39]).rename(4, "mine").lock(4)
    by_hand = before.with_clusters("conv", mine)
    kept = recluster(by_hand, data, Recipe(k=4), layers=["conv"]).clusters["conv"]
    assert (kept[4].members, kept[4].name, len(kept)) == ((0, 39), "mine", 4)
    dropped = recluster(by_hand, data, Recipe(k=4), layers=["conv"], keep_locked=False)
    assert dropped.clusters["conv"] == cluster_layer(before.network, data, "conv", Recipe(k=4))


def test_opening_a_layer_clusters_it_once() -> None:
    before, data = an_analysis()
    closed = replace(before, clusters={})
    opened = open_layers(closed, data, ["conv"])
    assert opened.clusters["conv"] == before.clusters["conv"]
    assert open_layers(opened, data, ["conv"]) is opened
    assert opened.edited == frozenset()


@pytest.mark.parametrize("recipe", [None, Recipe("AgglomerativeClustering", k=9), Recipe("MeanShift")])
def test_a_cluster_is_split_into_what_differs(recipe: Recipe | None) -> None:
    data = activations(np.eye(2)[[0, 0, 1, 0, 1, 0, 0, 0]] * 3)
    assert split_in_two(data, "conv", Cluster(0, (0, 1, 2, 4, 5, 6)), recipe) == (2, 4)


def test_neurons_that_do_not_differ_are_halved() -> None:
    data = activations(np.ones((6, 3)))
    assert split_in_two(data, "conv", Cluster(0, (1, 2, 3, 5, 0))) == (3, 5)


def test_one_neuron_cannot_be_split() -> None:
    with pytest.raises(InvalidValue, match="two neurons or more"):
        split_in_two(activations(selective(6)), "conv", Cluster(0, (3,)))
