"""What readers of folders of annotated faces share."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from facekp.data.images import IMAGE_SUFFIXES
from facekp.data.records import Reader, Record, attempt
from facekp.landmarks.scheme import Scheme
from facekp.landmarks.scheme_files import load_scheme
from facekp.utils.errors import ConfigError, DataError
from facekp.utils.files import is_folder, read_bytes, user_path
from facekp.utils.terminal import one_line

_MAX_BYTES = 1_000_000  # of a text file: 20,000 points at 50 bytes each
_MAX_REPETITIONS = 3  # in the regular expression that finds a person


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """The non-empty lines of a text file with annotations, stripped, each with its number from 1.

    No message quotes them: the file may be a link to another one, whose text is nobody's business.

    Raises:
        DataError: naming the file, if it cannot be read, is larger than any annotation, or holds binary data.
    """
    try:
        raw = read_bytes(path, _MAX_BYTES)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the file and its permissions") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text:
        raise DataError(f"{path} holds binary data, not an annotation; replace it by the original file")
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return [(number, line) for number, line in stripped if line]


class FolderReader(Reader):
    """Reads a folder of photographs with one annotated face each.

    Args:
        scheme: the landmarks, as :func:`facekp.landmarks.scheme_files.load_scheme` takes them; with ``none`` the
            points are counted and nothing else is known about them.
        person: a regular expression that finds the person in a photograph's name: its first group, or all of it.
            Persons whose names are not numbers are numbered in the order of their names. Without it every
            photograph shows another person.

    Raises:
        ConfigError: if there is no such scheme, or the expression is not valid.
    """

    max_outside: float = 1.0
    """How far outside a point may lie, as a fraction of the image: some faces are cut off by its border."""

    given_scheme: Scheme | None
    """The scheme that the settings or the format tell; with None the points are counted."""

    def __init__(self, scheme: Any = "none", person: str | None = None) -> None:
        self.given_scheme = load_scheme(scheme)
        try:
            self._person = re.compile(person) if person is not None else None
        except re.error as error:
            raise ConfigError(f"data.reader.person={person} is no regular expression: {error}") from error
        repetitions = re.findall(r"\)?[*+{]", person or "")
        if len(repetitions) > _MAX_REPETITIONS or any(found[0] == ")" for found in repetitions):
            raise ConfigError(
                f"data.reader.person={person} repeats a group, or repeats more than {_MAX_REPETITIONS} things, which "
                "can take for ever; make it simpler"
            )

    def read(self, root: str | Path, labels: str = "raw") -> list[Record]:
        """Index the folder, without decoding the images.

        Points may lie outside the image by at most its width and height.

        Args:
            labels: ``raw``; only labels of the Danes set can be mended.

        Returns:
            One record per annotated photograph; see ``on_bad`` for those that cannot be used.

        Raises:
            ConfigError: if ``labels`` is not ``raw``.
            DataError: with the file and what is missing or wrong.
        """
        if labels != "raw":
            raise ConfigError(f"data.labels={labels} is for the Danes set; set data.labels=raw for other data")
        folder = user_path(root)
        if not is_folder(folder):
            raise DataError(
                f"the data folder {folder} does not exist; set data.root to the folder of the images, or "
                "FACEKP_DANES to the Danes set"
            )
        faces = self.faces(folder)
        if not faces:
            raise DataError(f"the data folder {folder} holds no annotated face; point data.root at the images")
        counts = Counter(len(face.keypoints) for face in faces if face.fault is None)
        self.scheme = self.given_scheme or Scheme.unknown(max(counts, key=counts.__getitem__, default=0))
        faces = [attempt(face, self._checked, self.on_bad) for face in faces]
        people = _people(faces, self._person)
        return [replace(face, person=person) for face, person in zip(faces, people, strict=True)]

    @abstractmethod
    def faces(self, folder: Path) -> list[Record]:
        """All annotated photographs of the folder, in a fixed order, without their persons; see ``on_bad``.

        Raises:
            DataError: with the file and what is missing or wrong.
        """

    def paired(self, folder: Path, suffix: str, read: Callable[[Record], Record]) -> list[Record]:
        """Photographs with an annotation file of the same name beside them, in a folder and its subfolders.

        Args:
            read: adds size and keypoints to a face whose ``source`` is the annotation file.

        Returns:
            The faces in the order of their names; a name is the path relative to the folder, without suffix.

        Raises:
            DataError: if an annotation file has more than one photograph; and, unless faulty faces are skipped, if
                one half of a pair is missing or cannot be read.
        """
        images, annotations = _by_name(folder, IMAGE_SUFFIXES), _by_name(folder, (suffix,))
        for name in sorted(images.keys() ^ annotations.keys()) if self.on_bad == "error" else ():
            absent = f"{suffix} file" if name in images else "image"
            raise DataError(f"{folder}: {name} has no {absent}; add it, or move its other half away")
        faces = []
        for name in sorted({*images, *annotations}):
            image, annotation = images.get(name, folder / name), annotations.get(name, folder / f"{name}{suffix}")
            faces.append(attempt(Record(name, image, source=str(annotation)), read, self.on_bad))
        return faces

    def _checked(self, face: Record) -> Record:
        if one_line(face.name) != face.name:
            raise DataError(f"{face.image}: its name holds control characters or is not UTF-8; rename it")
        found, wanted = len(face.keypoints), len(self.scheme)
        if found != wanted:
            raise DataError(
                f"{face.source} holds {found} points instead of {wanted}; correct it, or set data.reader.scheme"
            )
        outside = np.flatnonzero((abs(face.keypoints - 0.5) > 0.5 + self.max_outside).any(axis=1))
        if len(outside):
            x, y = face.keypoints[outside[0]]
            raise DataError(
                f"{face.source}: point {outside[0]} lies too far outside the image, at ({x:.3f}, {y:.3f}) of its size; "
                "correct it"
            )
        return face


def _person_of(face: Record, pattern: re.Pattern[str]) -> str:
    found = pattern.search(face.name)
    person = found and found[1 if pattern.groups else 0]
    if not person:
        raise DataError(
            f"{face.image}: data.reader.person={pattern.pattern} finds no person in its name; correct either"
        )
    return person


def _people(faces: Sequence[Record], pattern: re.Pattern[str] | None) -> Sequence[int]:
    """The number of each photograph's person."""
    if pattern is None:
        return range(1, len(faces) + 1)
    persons = [_person_of(face, pattern) for face in faces]
    if all(person.isdecimal() for person in persons):
        return [int(person) for person in persons]
    numbers = {person: number for number, person in enumerate(sorted(set(persons)), start=1)}
    return [numbers[person] for person in persons]


def _by_name(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix.lower() in suffixes and not any(part.startswith(".") for part in inside.parts):
            name = inside.with_suffix("").as_posix()
            if name in found:
                raise DataError(f"{folder}: {found[name].name} and {path.name} share one name; move one of them away")
            found[name] = path
    return found
