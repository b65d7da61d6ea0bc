from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.partition import Cluster, Partition

labels = st.lists(st.integers(0, 5), min_size=1, max_size=24)


def five() -> Partition:
    return Partition.from_labels([0, 0, 1, 2, 2])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(labels, st.data())
def test_random_edits_keep_every_unit_in_exactly_one_cluster(found: list[int], data: st.DataObject) -> None:
    partition = Partition.from_labels(found)
    for _ in range(data.draw(st.integers(1, 8))):
        partition = _edit(partition, data)
        members = [m for c in partition for m in c.members]
        assert sorted(members) == list(range(len(found)))
        assert all(c.members and list(c.members) == sorted(c.members) for c in partition)
        assert len({c.id for c in partition}) == len(partition)
        assert all(partition.clusters[partition.labels[m]] is partition.cluster_of(m) for m in members)


def _edit(partition: Partition, data: st.DataObject) -> Partition:
    ids = [c.id for c in partition]
    kinds = ["merge", "split", "move", "gather", "rename", "lock", "pin", "reorder"]
    kind = data.draw(st.sampled_from(kinds))
    if kind == "merge" and len(ids) > 1:
        return partition.merge(*data.draw(st.lists(st.sampled_from(ids), min_size=2, max_size=4, unique=True)))
    wide = [c for c in partition if len(c) > 1]
    if kind == "split" and wide:
        parent = data.draw(st.sampled_from(wide))
        out = data.draw(st.sets(st.sampled_from(parent.members), min_size=1, max_size=len(parent) - 1))
        return partition.split(parent.id, out)
    if kind == "move":
        units = data.draw(st.lists(st.integers(0, partition.n_units - 1), min_size=1, max_size=5))
        return partition.move(units, data.draw(st.sampled_from(ids)))
    if kind == "gather":
        units = data.draw(st.sets(st.integers(0, partition.n_units - 1), min_size=1, max_size=5))
        return partition if any(units == set(c.members) for c in partition) else partition.gather(units)
    if kind == "pin":
        return partition.pin(data.draw(st.integers(0, partition.n_units - 1)), data.draw(st.booleans()))
    if kind == "rename":
        return partition.rename(data.draw(st.sampled_from(ids)), data.draw(st.sampled_from(["", " dogs ", "é"])))
    if kind == "lock":
        return partition.lock(data.draw(st.sampled_from(ids)))
    return partition.reorder(data.draw(st.permutations(ids)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(labels)
def test_splitting_and_merging_back_gives_the_same_members(found: list[int]) -> None:
    partition = Partition.from_labels(found)
    wide = [c for c in partition if len(c) > 1]
    if not wide:
        return
    apart = partition.split(wide[0].id, wide[0].members[:1])
    new = max(c.id for c in apart)
    assert apart.merge(wide[0].id, new) == partition


def test_labels_become_clusters_in_their_order() -> None:
    assert [c.members for c in Partition.from_labels([7, 3, 7])] == [(1,), (0, 2)]


def test_dead_units_form_one_last_cluster() -> None:
    found = Partition.from_labels([0, 1, 0, 1], dead=[False, True, False, True])
    assert [(c.members, c.dead) for c in found] == [((0, 2), False), ((1, 3), True)]


def test_a_merge_stays_in_the_place_and_under_the_id_of_the_first() -> None:
    merged = five().rename(0, "dogs").merge(2, 0)
    assert [(c.id, c.members, c.name) for c in merged] == [(1, (2,), ""), (2, (0, 1, 3, 4), "dogs")]


def test_a_split_puts_the_new_cluster_right_behind_its_parent() -> None:
    assert [(c.id, c.members) for c in five().split(0, [1])] == [(0, (0,)), (3, (1,)), (1, (2,)), (2, (3, 4))]


def test_a_cluster_that_is_left_empty_vanishes() -> None:
    assert [c.id for c in five().move([2], 0)] == [0, 2]


def test_clusters_that_an_edit_does_not_touch_stay_the_same_objects() -> None:
    before = five()
    after = before.move([0], 1)
    assert after[2] is before[2]
    assert before.rename(1, "x")[0] is before[0]


def test_moving_a_live_unit_into_the_dead_cluster_makes_it_an_ordinary_one() -> None:
    found = Partition.from_labels([0, 0, 0, 0], dead=[False, False, True, True])
    assert not found.move([0], 1)[1].dead


def test_moving_dead_units_between_dead_clusters_keeps_them_dead() -> None:
    found = Partition.from_labels([0, 0, 0], dead=[False, True, True]).split(1, [2])
    assert found.move([2], 1)[1].dead


def test_gathered_units_form_a_new_cluster_behind_the_one_that_most_came_from() -> None:
    found = five().gather([1, 3, 4])
    assert [(c.id, c.members) for c in found] == [(0, (0,)), (1, (2,)), (3, (1, 3, 4))]


def test_gathering_what_is_a_cluster_already_is_refused() -> None:
    with pytest.raises(InvalidValue, match="cluster 2 is just them"):
        five().gather([3, 4])


def test_gathered_dead_units_stay_dead_only_among_themselves() -> None:
    found = Partition.from_labels([0, 0, 0, 0], dead=[False, True, True, True])
    assert found.gather([1, 2])[2].dead
    assert not found.gather([0, 1])[2].dead


def test_a_pinned_unit_stays_a_representative_until_it_leaves_its_cluster() -> None:
    found = five().pin(1).pin(0)
    assert found[0].pinned == (1, 0)
    assert found.pin(1, False)[0].pinned == (0,)
    assert found.move([1], 1)[0].pinned == (0,)
    assert found.move([1], 1)[1].pinned == ()


def test_pins_follow_a_split_and_a_merge() -> None:
    apart = five().pin(1).pin(0).split(0, [1])
    assert (apart[0].pinned, apart[3].pinned) == ((0,), (1,))
    assert apart.merge(3, 0)[3].pinned == (1, 0)


def test_a_unit_of_another_cluster_cannot_be_pinned() -> None:
    with pytest.raises(InvalidValue, match="must be units of cluster 0"):
        Cluster(0, (0, 1), pinned=(2,))


def test_numpy_indices_become_plain_sorted_integers() -> None:
    found = five().move(np.array([3, 2]), 0)
    assert found[0].members == (0, 1, 2, 3)
    assert all(type(m) is int for c in found for m in c.members)
    assert all(type(m) is int for m in Cluster(0, tuple(np.array([2, 1]))).members)


def test_title_is_the_name_or_the_size() -> None:
    assert five()[1].title == "1 neuron"
    assert five().rename(0, " dogs ")[0].title == "dogs"
    assert Cluster(0, (0, 1), dead=True).title == "never fire · 2 neurons"


@pytest.mark.parametrize(
    "clusters",
    [
        (Cluster(0, (0,)), Cluster(1, (0, 1))),
        (Cluster(0, (0, 2)),),
        (Cluster(0, (0,)), Cluster(0, (1,))),
        (Cluster(0, (0,)), Cluster(1, ())),
    ],
    ids=["a unit twice", "a unit missing", "an id twice", "an empty cluster"],
)
def test_a_broken_partition_is_refused(clusters: tuple[Cluster, ...]) -> None:
    with pytest.raises(InvalidValue, match=r"Partition\.clusters must"):
        Partition(clusters)


def test_edits_that_make_no_sense_are_refused_in_a_sentence() -> None:
    with pytest.raises(InvalidValue, match="two different clusters"):
        five().merge(1, 1)
    with pytest.raises(InvalidValue, match="some but not all of the 2 units"):
        five().split(0, [0, 1])
    with pytest.raises(InvalidValue, match="needs units of 0 … 4"):
        five().move([9], 0)
    with pytest.raises(InvalidValue, match="every cluster id"):
        five().reorder([0, 1])
    with pytest.raises(UnknownName, match=r"one of \[0, 1, 2\]; got 9"):
        five()[9]
    with pytest.raises(UnknownName, match="must be 0 … 4; got -1"):
        five().cluster_of(-1)
    with pytest.raises(InvalidValue, match="needs dead for 2 units; got 1"):
        Partition.from_labels([0, 1], dead=[True])


def test_labels_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        five().labels[0] = 3
