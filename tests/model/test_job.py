from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cnnvis.errors import InvalidValue, UnknownName, UnreadableFile
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource, parse_job, read_job

FULL = """
[network]
factory = "zoo.py:resnet20"
weights = "resnet20.safetensors"
classes = ["cat", "dog"]
input = [3, 32, 32]
name = "ResNet-20"

[data]
kind = "images"
source = "cifar10.zip"
inside = "test"
per_class = 100
resize = 256
crop = 227
interpolation = "bicubic"
channels = "bgr"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]

[analysis]
seed = 7
groups = "runs"
clusterer = "AgglomerativeClustering"
k = 8
parameters = { linkage = "average", compute_full_tree = true }
layers = ["layer1", "layer2"]
session_mb = 100
probe_images = 32
device = "cpu"
batch = 16
"""
LEAST = '[network]\nfactory = "zoo.py:net"\n[data]\nsource = "pictures"\n'


def parsed(text: str) -> Job:
    return parse_job(text, Path("here"), "mine.toml")


def refused(text: str) -> str:
    with pytest.raises(InvalidValue) as caught:
        parsed(text)
    return str(caught.value)


def test_a_job_file_is_read_whole() -> None:
    job = parsed(FULL)
    assert job.network == NetworkSource(
        "zoo.py:resnet20", "resnet20.safetensors", ("cat", "dog"), (3, 32, 32), "ResNet-20"
    )
    assert (job.data.crop, job.data.channels, job.data.per_class) == ((227, 227), "bgr", 100)
    assert job.analysis.recipe.parameters == (("compute_full_tree", True), ("linkage", "average"))


def test_what_a_job_file_leaves_out_is_as_by_default() -> None:
    assert parsed(LEAST) == Job(NetworkSource("zoo.py:net"), DataSource("pictures"), AnalysisPlan(), Path("here"))


@pytest.mark.parametrize("text", [FULL, LEAST])
def test_a_job_written_and_read_is_the_same(text: str) -> None:
    job = parsed(text)
    assert parsed(job.to_toml()) == job


def test_awkward_texts_survive_writing() -> None:
    awkward = 'quote " backslash \\ line\nbreak tab\t bell\x07 del\x7f ünï 猫 🐱'
    job = replace(parsed(LEAST), network=NetworkSource("zoo.py:net", name=awkward, classes=(awkward, "x")))
    assert parsed(job.to_toml()) == job


def test_small_and_large_numbers_survive_writing() -> None:
    job = replace(parsed(LEAST), data=DataSource("x", mean=(1e-7, -3.0), std=(1e20, 0.1)))
    assert parsed(job.to_toml()) == job


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(LEAST, encoding="utf-8")
    job = read_job(tmp_path / "mine.toml")
    assert job.path("pictures") == tmp_path / "pictures"
    assert job.path(str(tmp_path / "other")) == tmp_path / "other"


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(LEAST, encoding="utf-8-sig")
    assert read_job(tmp_path / "mine.toml").network.factory == "zoo.py:net"


def test_an_unknown_key_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"mine\.toml: \[data\] .*'per_clas'\. Did you mean 'per_class'\?"):
        parsed(LEAST + "per_clas = 3")


def test_an_unknown_section_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"'netwrk'\. Did you mean 'network'\?"):
        parsed("[netwrk]\nfactory = 'a'")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('per_class = "ten"', "mine.toml: [data] per_class must be a whole number of at least 1; got 'ten'."),
        ("per_class = true", "got True."),
        ("per_class = 0", "got 0."),
        ("per_class = 1.5", "got 1.5."),
        ("mean = [0.5, nan, 0.5]\nstd = [1, 1, 1]", "[data] mean must be a list of numbers"),
        ("mean = [0.5, 0.5, 0.5]\nstd = [1, 0, 1]", "[data] std must be a list of numbers above 0"),
        ("mean = [0.5, 0.5, 0.5]\nstd = [1]", "[data] std must be as long as mean, 3; got 1 numbers."),
        ("mean = [0.5]", "[data] std must be given beside mean; got mean alone."),
        ('interpolation = "bilinar"', "Did you mean 'bilinear'?"),
        ('channels = "rbg"', "[data] channels must be"),
        ("crop = [1, 2, 3]", "[data] crop must be a side in pixels, or [height, width]; got [1, 2, 3]."),
        ("source = []", "Cannot overwrite a value"),
        ('kind = ["images"]', '[data] kind must be "images" or "table"'),
    ],
)
def test_a_wrong_value_is_named_with_what_it_must_be(line: str, said: str) -> None:
    with pytest.raises((InvalidValue, UnreadableFile)) as caught:
        parsed(LEAST + line)
    assert said.lower() in str(caught.value).lower()


def test_a_missing_key_is_named() -> None:
    assert "[network] must have a key 'factory'" in refused("[data]\nsource = 'x'")
    assert "[data] must have a key 'source'" in refused("[network]\nfactory = 'a.py:b'")


def test_a_section_that_is_a_value_is_refused() -> None:
    assert "[data] must be a section" in refused("data = 3\n[network]\nfactory = 'a'")


def test_trust_is_a_sum_and_never_a_yes() -> None:
    assert "sha256" in refused('[network]\nfactory = "a.py:b"\ntrust = true\n[data]\nsource = "x"')
    digest = "AB" * 32
    text = f'[network]\nfactory = "a.py:b"\ntrust = "{digest}"\n[data]\nsource = "x"'
    assert parsed(text).network.trust == (digest.lower(),)


def test_a_value_made_by_hand_is_checked_alike() -> None:
    with pytest.raises(InvalidValue, match=r"\[analysis\] k must be a whole number"):
        AnalysisPlan(k=0)
    assert DataSource("x", crop=[5, 7]).crop == (5, 7)  # type: ignore[arg-type]


def test_a_line_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.toml").write_text("[network\nfactory", encoding="utf-8")
    with pytest.raises(UnreadableFile, match=r"torn\.toml must be a toml file; .*line 1"):
        read_job(tmp_path / "torn.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.toml").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UnreadableFile, match="utf-8"):
        read_job(tmp_path / "picture.toml")


def test_a_missing_job_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"none\.toml"):
        read_job(tmp_path / "none.toml")
