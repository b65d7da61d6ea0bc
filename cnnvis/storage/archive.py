"""The session file `name.cnnvis`: a zip of json, safetensors and pictures. Opening it runs no code.

Written beside its target and moved into place in one step, so that a kill during a save leaves the old file whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as write_arrays

import cnnvis
from cnnvis.errors import CnnvisError, UnreadableFile
from cnnvis.model.activations import Activations
from cnnvis.model.connections import Connections
from cnnvis.model.job import Job, parse_job
from cnnvis.model.measurements import Measurements
from cnnvis.model.nouns import IMAGE, ROW, Noun, noun_of
from cnnvis.model.plain import analysis_from_dict, analysis_to_dict, look_from_dict, look_to_dict
from cnnvis.model.session import Session
from cnnvis.model.synthesis import Synthesis
from cnnvis.model.views import identity
from cnnvis.storage import encode
from cnnvis.storage.explained import attributions_from_values, attributions_to_values
from cnnvis.storage.icons import synthesis_from_values, synthesis_to_values
from cnnvis.storage.measured import measurements_from_values, measurements_to_values
from cnnvis.storage.migrate import checked_version, migrated
from cnnvis.storage.pictures import StoredPictures

VERSION = 2
LARGEST_JSON = 256 * 2**20
LARGEST_PART = 4 * 2**30
POOLED_BUDGET = 64 * 2**20
"""Bytes of pooled responses that a compact session keeps at most, representatives first."""
Arrays = dict[str, NDArray[Any]]


def save(
    session: Session,
    path: str | os.PathLike[str],
    *,
    images: bool = True,
    exact: bool = False,
    pooled_budget: int = POOLED_BUDGET,
) -> Path:
    """Write the session file and return its path; an older file of that name is replaced in one step.

    `images` False leaves out all copies of pictures. `exact` keeps float64 sums and every pooled response, for
    files that will be merged; else mean responses are float16 and pooled ones fit `pooled_budget` bytes.
    Raises UnreadableFile where the folder cannot be written.
    """
    target = Path(path)
    if target.suffix != ".cnnvis":
        target = target.with_name(target.name + ".cnnvis")
    beside = target.with_name(f".{target.name}.{os.getpid()}.saving")
    try:
        with open(beside, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
                _write(session, archive, target, images, exact, pooled_budget)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except OSError as error:
        raise UnreadableFile(
            f"The session must be written to a folder with room and permission; {target} failed: "
            f"{error.strerror or error}. Choose another place."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    return target


def _write(
    session: Session, archive: zipfile.ZipFile, target: Path, images: bool, exact: bool, pooled_budget: int
) -> None:
    copies = session.pictures if images and isinstance(session.pictures, StoredPictures) else None
    manifest: dict[str, Any] = {
        "format": "cnnvis session",
        "version": VERSION,
        "cnnvis": cnnvis.__version__,
        "pictures": len(copies) if copies else 0,
        "exact": exact,
        "identity": identity(session),
        "job": None if session.job is None else _job_to_dict(session.job, target.parent),
        "provenance": dict(session.provenance),
    }
    _put_json(archive, "analysis.json", analysis_to_dict(session.analysis))
    _put_json(archive, "look.json", look_to_dict(session.look))
    if session.activations is not None:
        _write_activations(session, session.activations, archive, exact, pooled_budget)
    if session.connections is not None:
        header, arrays = encode.connections_to_values(session.connections)
        _put_json(archive, "connections.json", header)
        _put_arrays(archive, "connections.safetensors", arrays)
    measured = session.measurements
    if not images:  # pictures may be private
        known = {name: replace(found, picture=None) for name, found in measured.instances.items()}
        means = {key: replace(found, picture=None) for key, found in measured.groups.items()}
        measured = replace(measured, instances=known, groups=means)
    header, arrays = measurements_to_values(measured)
    _put_json(archive, "measurements.json", header)
    _put_arrays(archive, "measurements.safetensors", arrays)
    headers, arrays = attributions_to_values(session.attributions)
    _put_json(archive, "attributions.json", headers)
    _put_arrays(archive, "attributions.safetensors", arrays)
    headers, icons = synthesis_to_values(session.synthesis)
    if headers:
        _put_json(archive, "synthesis.json", headers)
        for name, held in icons.items():
            archive.writestr(f"icons/{name}", held)
    if copies is not None:
        for sample, held in sorted(copies.encoded.items()):
            suffix = "png" if held.startswith(b"\x89PNG") else "jpg"
            archive.writestr(f"pictures/{sample}.{suffix}", held)
    _put_json(archive, "manifest.json", manifest)


def _write_activations(
    session: Session, activations: Activations, archive: zipfile.ZipFile, exact: bool, pooled_budget: int
) -> None:
    table, arrays = encode.samples_to_values(activations.samples)
    _put_json(archive, "activations.json", encode.activations_header(activations) | {"samples": table})
    _put_arrays(archive, "samples.safetensors", arrays | {"counts": activations.counts})
    budget = float("inf") if exact else float(pooled_budget)
    first = [g.representative for g in session.analysis.groups]
    order = [name for name in first if name in activations.layers]
    order += [name for name in activations.layers if name not in order]
    kept: set[str] = set()
    for name in order:
        pooled = activations[name].pooled
        if pooled is not None and pooled.nbytes <= budget:
            budget -= pooled.nbytes
            kept.add(name)
    for index, (name, found) in enumerate(activations.layers.items()):
        arrays = encode.responses_to_arrays(found, activations.counts, exact)
        if name in kept and found.pooled is not None:
            arrays["pooled"] = np.ascontiguousarray(found.pooled)
        _put_arrays(archive, f"responses/{index}.safetensors", arrays)


def _put_json(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, allow_nan=True, default=str)
    archive.writestr(name, text.encode(), compress_type=zipfile.ZIP_DEFLATED, compresslevel=6)


def _put_arrays(archive: zipfile.ZipFile, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    archive.writestr(name, write_arrays({key: np.ascontiguousarray(value) for key, value in arrays.items()}))


def _job_to_dict(job: Job, folder: Path) -> dict[str, Any]:
    """The job as text, with its folder both absolute and relative to the session file."""
    base = Path(job.folder).resolve()
    try:
        relative = os.path.relpath(base, folder.resolve())
    except ValueError:  # another drive
        relative = str(base)
    return {"toml": job.to_toml(), "folder": str(base), "relative": relative}


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """One clear sentence for everything that can be wrong with a file from elsewhere."""
    sentence = f"{path.name} must be a session file of cnnvis"
    try:
        yield
    except UnreadableFile:
        raise
    except FileNotFoundError as error:
        raise UnreadableFile(f"{path} must exist; there is no such file. Check the path.") from error
    except IsADirectoryError as error:
        raise UnreadableFile(f"{path} must be a file; it is a folder. Choose the session file inside.") from error
    except zipfile.BadZipFile as error:
        raise UnreadableFile(
            f"{sentence}; it is torn or something else ({error}). Use a backup, or analyse again."
        ) from error
    except (OSError, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise UnreadableFile(f"{sentence}; it cannot be read: {error}. Use a backup, or analyse again.") from error
    except (SafetensorError, CnnvisError, LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise UnreadableFile(
            f"{sentence}; its content is damaged ({type(error).__name__}: {error}). Use a backup, or analyse again."
        ) from error


def load(path: str | os.PathLike[str]) -> Session:
    """The session of a file, without its network and images (connect them to compute more).

    Nothing is imported or run. Raises UnreadableFile, in one sentence, where the file is torn, foreign,
    hostile, or of a newer version.
    """
    source = Path(path)
    with _reading(source), zipfile.ZipFile(source) as archive:
        parts = _Parts(archive, source)
        manifest = parts.manifest()
        job = None if manifest["job"] is None else _job_from_dict(manifest["job"], source.parent)
        return Session(
            analysis=analysis_from_dict(parts.json("analysis.json")),
            activations=_read_activations(parts, job),
            connections=_read_connections(parts),
            attributions=attributions_from_values(
                parts.json("attributions.json"), parts.arrays("attributions.safetensors")
            ),
            measurements=_read_measurements(parts),
            look=look_from_dict(parts.json("look.json")),
            job=job,
            pictures=parts.pictures(),
            provenance=dict(manifest["provenance"]),
            synthesis=parts.synthesis(),
        )


def _job_from_dict(found: Mapping[str, Any], folder: Path) -> Job:
    """The job, its folder taken relative to the session file where that exists, else as it was."""
    beside = (folder / str(found["relative"])).resolve()
    return parse_job(str(found["toml"]), beside if beside.is_dir() else Path(str(found["folder"])))


def _read_activations(parts: _Parts, job: Job | None) -> Activations | None:
    if "activations.json" not in parts:
        return None
    header = parts.json("activations.json")
    table = parts.arrays("samples.safetensors")
    counts = table.pop("counts")
    layers = {
        str(name): encode.responses_from_arrays(str(name), counts, parts.arrays(f"responses/{i}.safetensors"))
        for i, name in enumerate(header["layers"])
    }
    return Activations(
        groups=tuple(str(g) for g in header["groups"]),
        kind=header["kind"],
        counts=counts,
        layers=layers,
        samples=encode.samples_from_values(header["samples"], table),
        seed=int(header["seed"]),
        notes=tuple(str(n) for n in header["notes"]),
        noun=_noun(header, job),
    )


def _noun(header: Mapping[str, Any], job: Job | None) -> Noun:
    """What the inputs are called; files that do not say so tell it by their job."""
    if "inputs" in header:
        return ROW if header["inputs"] == ROW.many else IMAGE
    return noun_of(job.data.kind) if job is not None else IMAGE


def _read_connections(parts: _Parts) -> Connections | None:
    if "connections.json" not in parts:
        return None
    return encode.connections_from_values(parts.json("connections.json"), parts.arrays("connections.safetensors"))


def _read_measurements(parts: _Parts) -> Measurements:
    if "measurements.json" not in parts:
        return Measurements()
    return measurements_from_values(parts.json("measurements.json"), parts.arrays("measurements.safetensors"))


class _Parts:
    """The entries of an archive, read into memory by name and within limits; nothing is written to disk."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._name = archive, path.name
        self._version = VERSION
        self._sizes = {info.filename: info.file_size for info in archive.infolist()}
        if sum(self._sizes.values()) > max(64 * path.stat().st_size, LARGEST_JSON):
            raise UnreadableFile(
                f"{path.name} must unpack to a sensible size; it would grow more than 64-fold. "
                "It may be hostile and was not opened."
            )

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def _bytes(self, name: str, limit: int) -> bytes:
        if self._sizes[name] > limit:
            raise ValueError(f"{name} has {self._sizes[name]} bytes, more than {limit}")
        return self._archive.read(name)

    def manifest(self) -> dict[str, Any]:
        """The manifest; entries that are read after it are brought up to the newest format."""
        found = json.loads(self._bytes("manifest.json", LARGEST_JSON))
        if not isinstance(found, dict) or found.get("format") != "cnnvis session":
            raise UnreadableFile(f"{self._name} must be a session file of cnnvis; it is another kind of zip.")
        self._version = checked_version(found, VERSION, self._name)
        return dict(migrated("manifest.json", found, self._version, VERSION))

    def json(self, name: str) -> Any:
        return migrated(name, json.loads(self._bytes(name, LARGEST_JSON)), self._version, VERSION)

    def arrays(self, name: str) -> Arrays:
        arrays: Arrays = read_arrays(self._bytes(name, LARGEST_PART))
        for array in arrays.values():
            if array.flags.owndata or array.base is not None:
                array.flags.writeable = False
        return arrays

    def pictures(self) -> StoredPictures | None:
        names = [n for n in self._sizes if n.startswith("pictures/")]
        stem: Callable[[str], int] = lambda name: int(name.removeprefix("pictures/").rsplit(".", 1)[0])  # noqa: E731
        return StoredPictures({stem(n): self._bytes(n, LARGEST_JSON) for n in names}) if names else None

    def synthesis(self) -> Synthesis:
        """The drawn images; none in older files."""
        if "synthesis.json" not in self:
            return Synthesis()
        return synthesis_from_values(
            self.json("synthesis.json"), lambda name: self._bytes(f"icons/{name}", LARGEST_JSON)
        )


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The manifest of a session file: format, version, job, provenance. Reads nothing else; Raises UnreadableFile."""
    source = Path(path)
    with _reading(source), zipfile.ZipFile(source) as archive:
        return _Parts(archive, source).manifest()
