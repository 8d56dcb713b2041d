"""A split zip of pictures read as it was released (`image.zip.part-aa`, `-ab`, ...): never joined, never unpacked.

Names inside are only looked up, never used as paths, so an archive cannot write anywhere. A member that would unfold
to more than a picture does, or by more than a picture can, is refused.

    archive = Archive.of(folder)                    None where the folder holds neither parts nor image.zip
    archive.member("coco/train2017/1.jpg", "train.jsonl line 7").read_bytes()
"""

import bisect
import io
import itertools
import os
import string
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from o1lib.records import UserError, shown

_LARGEST = 64_000_000  # bytes of one picture's file
_RATIO, _SMALL = 200, 1_000_000  # pictures are compressed already; only small ones may unfold further
TOPS = ("", "image/", "images/")  # where pictures lie below the folder or the archive, as people unpack and pack them


class PictureError(UserError):
    """A picture that cannot be used, whatever else is right."""


class Joined(io.RawIOBase):
    """Files read as one, in order. Every read names its place, so that forked processes do not disturb each other."""

    def __init__(self, paths):
        self._files = [os.open(path, os.O_RDONLY) for path in paths]
        self._ends = list(itertools.accumulate(os.fstat(file).st_size for file in self._files))
        self._at = 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._ends[-1]}[whence]
        if self._at < 0:
            raise OSError("before the beginning")
        return self._at

    def tell(self):
        return self._at

    def readinto(self, buffer):
        """Fill the buffer from as many files as it takes and return the number of bytes."""
        view, done = memoryview(buffer), 0
        while done < len(view) and self._at < self._ends[-1]:
            number = bisect.bisect_right(self._ends, self._at)
            start = self._ends[number - 1] if number else 0
            data = os.pread(self._files[number], min(len(view) - done, 1 << 20), self._at - start)
            if not data:
                break
            view[done : done + len(data)] = data
            done, self._at = done + len(data), self._at + len(data)
        return done

    def close(self):
        while self._files:
            os.close(self._files.pop())
        super().close()


class Archive:
    """The pictures of a folder's zip. Raises UserError for a part that is missing and for what is no zip."""

    def __init__(self, folder: Path, parts: list[Path]):
        self.folder, self.parts = folder, parts
        try:
            self._zip = zipfile.ZipFile(Joined(parts))
        except (zipfile.BadZipFile, RuntimeError, OSError, ValueError) as error:
            raise UserError(
                f"{shown(folder)}: {parts[0].name} and what follows it are no whole zip ({error}); a part "
                "is missing at the end or cut short: download it again and compare sizes."
            ) from None

    @classmethod
    def of(cls, folder: Path) -> "Archive | None":
        """Return the archive of a folder, or None where it has none."""
        parts = sorted(folder.glob("image.zip.part-*"))
        expected = ["".join(letters) for letters in itertools.product(string.ascii_lowercase, repeat=2)]
        for part, letters in zip(parts, expected, strict=False):
            if not part.name.endswith(f".part-{letters}"):
                raise UserError(
                    f"{shown(folder)}: image.zip.part-{letters} is missing, {part.name} is there; download all parts."
                )
        parts = parts or [path for path in (folder / "image.zip", folder / "images.zip") if path.is_file()][:1]
        return cls(folder, parts) if parts else None

    def find(self, image: str) -> str | None:
        """Return a picture's name in the archive, or None."""
        return next((top + image for top in TOPS if top + image in self._zip.NameToInfo), None)

    def member(self, image: str, where: str) -> "Member | None":
        """Return a picture to be read, None where it is not there. Raises PictureError for what unfolds too far."""
        name = self.find(image)
        if name is None:
            return None
        info = self._zip.getinfo(name)
        bomb = info.file_size > _LARGEST or info.file_size > max(_SMALL, _RATIO * info.compress_size)
        if bomb or info.flag_bits & 1:
            what = "is encrypted" if info.flag_bits & 1 else f"unfolds to {info.file_size:,} bytes, more than a picture"
            raise PictureError(f"{where}: image '{image}' {what}; remove the line or get the picture anew.")
        return Member(self, name)

    def read(self, name: str) -> bytes:
        """Return a member's bytes. Raises PictureError for one that is corrupt."""
        try:
            return self._zip.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise PictureError(
                f"{shown(self.folder)}: '{name}' in the zip is corrupt ({error}); a part was cut short: "
                "download it again and compare sizes."
            ) from None


@dataclass(frozen=True)
class Member:
    """A picture in an archive; as much of a path as pictures need."""

    archive: Archive
    name: str

    @property
    def suffix(self) -> str:
        """Return the extension, with its dot."""
        return PurePosixPath(self.name).suffix

    def read_bytes(self) -> bytes:
        """Return the picture's bytes. Raises PictureError for one that is corrupt."""
        return self.archive.read(self.name)

    def __str__(self) -> str:
        return f"{shown(self.archive.folder)}/{self.name}"
