"""Tables and graphs for other programs."""

import csv
import json
import shutil
import subprocess
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnknownName, UnreadableFile
from cnnvis.model.measurements import Ablation, Contributions, Measurements
from cnnvis.model.tables import TABLES, table
from cnnvis.storage.graphs import graph, write_graph
from cnnvis.storage.tables import write_table


@pytest.fixture
def session():
    found = made_up_session()
    named = found.analysis.clusters["conv1"].rename(0, 'a "name", with commas\nand lines')
    return replace(found, analysis=found.analysis.with_clusters("conv1", named))


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_of_neurons_says_what_the_responses_say(session, tmp_path):
    rows = read(write_table(session, tmp_path / "neurons.csv", "neurons"))
    found = session.activations
    unit = next(row for row in rows if row["layer"] == "conv2" and row["neuron"] == "3")
    assert float(unit["mean"]) == found.mean("conv2")[3]
    last = found.groups[-1]
    assert float(unit[f"mean: {last}"]) == found.means("conv2")[3, -1]
    assert int(unit["cluster"]) == session.analysis.clusters["conv2"].cluster_of(3).id
    assert len(rows) == sum(p.n_units for n, p in session.analysis.clusters.items() if n in found.layers)


def test_names_with_quotes_and_lines_come_through_a_csv(session, tmp_path):
    rows = read(write_table(session, tmp_path / "clusters.csv", "clusters"))
    assert any(row["name"] == 'a "name", with commas\nand lines' for row in rows)


def test_an_edge_of_the_table_is_the_block_sum(session, tmp_path):
    rows = read(write_table(session, tmp_path / "edges.csv", "edges"))
    left, right = session.analysis.clusters["conv1"], session.analysis.clusters["conv2"]
    positive, negative = session.connections.blocks("conv1", "conv2", left, right)
    one = next(r for r in rows if (r["source layer"], r["sink layer"]) == ("conv1", "conv2"))
    assert float(one["excites"]) == positive[0, 0]
    assert float(one["inhibits"]) == negative[0, 0]


def test_samples_and_confusion_count_the_same(session):
    samples, cells = table(session, "samples"), table(session, "confusion")
    for line in cells.rows:
        for name, count in zip(cells.columns[1:], line[1:]):
            assert count == sum(1 for row in samples.rows if (row[2], row[3]) == (line[0], name))


def test_measured_tables_tell_what_was_measured(session):
    n = len(session.analysis.network.classes)
    units = session.activations["conv1"].n_units
    own = Contributions({"conv1": np.ones((units, n))}, np.full(n, 2.0))
    gone = Ablation((("conv1", (0, 1)),), "zero", np.full(n, 2.0), np.arange(n) * 1.0, np.zeros((n, 2)),
                    np.zeros((0, 3), np.int64))  # fmt: skip
    measured = session.with_measurements(Measurements({None: own}, (gone,)))
    neurons = table(measured, "neurons")
    column = neurons.columns.index(f"contribution: {session.analysis.network.classes[0]}")
    assert [row[column] for row in neurons.rows if row[0] == "conv1"] == [0.5] * units
    assert next(row[column] for row in neurons.rows if row[0] == "conv2") is None
    assert [row[5] for row in table(measured, "knock-outs").rows] == list(range(n))


@pytest.mark.parametrize("name", ["health", "knock-outs"])
def test_a_table_of_what_was_not_measured_says_what_to_do(session, name):
    with pytest.raises(InvalidValue, match=r"Choose Analyse ▸"):
        table(session, name)


def test_wrong_names_and_folders_are_one_sentence(session, tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'neurons'"):
        table(session, "neuron")
    with pytest.raises(InvalidValue, match=r"\.csv"):
        write_table(session, tmp_path / "a.xlsx", "neurons")
    with pytest.raises(UnreadableFile, match="folder that allows"):
        write_table(session, tmp_path / "none" / "a.csv", "neurons")
    with pytest.raises(InvalidValue, match=r"\.graphml, \.json or \.dot"):
        write_graph(session, tmp_path / "a.gml")


def test_every_row_of_every_table_is_as_long_as_its_header(session):
    for name in TABLES:
        if name not in ("health", "knock-outs"):
            found = table(session, name)
            assert {len(row) for row in found.rows} == {len(found.columns)}


def test_a_graph_comes_back_from_graphml_and_json(session, tmp_path):
    made = graph(session)
    again = nx.read_graphml(write_graph(session, tmp_path / "a.graphml"))
    assert set(again.edges) == set(made.edges)
    edge = next(iter(made.edges))
    assert again.edges[edge]["excites"] == pytest.approx(made.edges[edge]["excites"])
    found = json.loads(write_graph(session, tmp_path / "a.json").read_text())
    assert nx.node_link_graph(found, edges="links").number_of_nodes() == made.number_of_nodes()


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz reads the file here; it is not installed")
def test_graphviz_reads_a_graph(session, tmp_path):
    subprocess.run(["dot", "-Tsvg", str(write_graph(session, tmp_path / "a.dot")), "-o", "/dev/null"], check=True)


def test_a_name_cannot_break_out_of_a_dot_file(session, tmp_path):
    text = write_graph(session, tmp_path / "a.dot").read_text()
    assert r"label=\"" not in text
    assert r'"label"="a \"name\", with commas\nand lines"' in text


def test_layers_and_neurons_are_graphs_too(session):
    network = session.analysis.network
    layers = graph(session, "layers")
    assert set(layers.edges) == {(e.source, e.sink) for e in network.edges}
    neurons = graph(session, "neurons")
    scale = session.connections.scales["conv1", "conv2"]
    expected = float(session.connections.between("conv1", "conv2")[1, 2]) * scale
    assert neurons.edges["conv1:1", "conv2:2"]["weight"] == pytest.approx(expected)
