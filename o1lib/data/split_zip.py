"""Read pictures from a split zip (`image.zip.part-aa`, `-ab`, ...) without joining or unpacking it.

Names in the archive are only looked up and never used as paths, so an archive cannot write anywhere. A member whose
uncompressed size or compression ratio is too large for a picture is refused (zip bomb), and no more than the announced
size is ever decompressed.

    archive = Archive.of(folder)                    # None if the folder has neither parts nor image.zip
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

_MAX_BYTES = 64_000_000  # of one picture's file
_MAX_RATIO = 200  # pictures are already compressed, so a larger ratio is suspicious
_RATIO_FREE_BYTES = 1_000_000  # up to this size the ratio does not matter
TOPS = ("", "image/", "images/")  # where people put the pictures in the folder or the archive


class PictureError(UserError):
    """A picture that cannot be used. The message names it, the problem and the remedy."""


class ConcatenatedFiles(io.RawIOBase):
    """Files read one after another as one stream.

    Every read passes its offset (pread), so forked processes that share the descriptors do not disturb each other.
    """

    def __init__(self, paths):
        self._files = [os.open(path, os.O_RDONLY) for path in paths]
        self._ends = list(itertools.accumulate(os.fstat(file).st_size for file in self._files))
        self._at = 0

    def readable(self):
        """Return True: the parts can be read."""
        return True

    def seekable(self):
        """Return True: reading may go on anywhere."""
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        """Move to an offset in bytes, and return the new position. Raises OSError before the first byte."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._ends[-1]}[whence]
        if self._at < 0:
            raise OSError("negative seek position")
        return self._at

    def tell(self):
        """Return the position in bytes from the start of the first part."""
        return self._at

    def readinto(self, buffer):
        """Fill the buffer across file boundaries and return the number of bytes read."""
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
        """Close the files of all parts."""
        while self._files:
            os.close(self._files.pop())
        super().close()


class Archive:
    """The pictures of a folder's zip. Raises UserError for a missing part and for a file that is not a zip."""

    def __init__(self, folder: Path, parts: list[Path]):
        self.folder, self.parts = folder, parts
        try:
            self._zip = zipfile.ZipFile(ConcatenatedFiles(parts))
        except (zipfile.BadZipFile, RuntimeError, OSError, ValueError) as error:
            raise UserError(
                f"{shown(folder)}: {parts[0].name} and the parts after it are not a complete zip ({error}); the last "
                "part is missing, or a part is truncated: download it again and compare sizes."
            ) from None

    @classmethod
    def of(cls, folder: Path) -> "Archive | None":
        """Return the archive of a folder, or None if it has none. Raises UserError for a missing part."""
        parts = sorted(folder.glob("image.zip.part-*"))
        expected = ["".join(letters) for letters in itertools.product(string.ascii_lowercase, repeat=2)]
        for part, letters in zip(parts, expected, strict=False):
            if not part.name.endswith(f".part-{letters}"):
                raise UserError(
                    f"{shown(folder)}: image.zip.part-{letters} is missing, but {part.name} exists; download all parts."
                )
        parts = parts or [path for path in (folder / "image.zip", folder / "images.zip") if path.is_file()][:1]
        for part in parts:
            if not part.is_file():  # opening a pipe would block for ever
                raise UserError(f"{shown(folder)}: {part.name} is no file; replace it with the part of the zip.")
        return cls(folder, parts) if parts else None

    def find(self, image: str) -> str | None:
        """Return a picture's name in the archive, or None."""
        return next((top + image for top in TOPS if top + image in self._zip.NameToInfo), None)

    def member(self, image: str, where: str) -> "Member | None":
        """Return a picture that can be read, or None if it does not exist.

        Raises PictureError for a member that is encrypted or compressed in a way whose size cannot be bounded, and for
        one whose uncompressed size is too large.
        """
        name = self.find(image)
        if name is None:
            return None
        info = self._zip.getinfo(name)
        problem = ""
        if info.flag_bits & 1:
            problem = "is encrypted"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            problem = "is neither stored nor deflated"
        elif info.file_size > min(_MAX_BYTES, max(_RATIO_FREE_BYTES, _MAX_RATIO * info.compress_size)):
            problem = f"has {info.file_size:,} bytes uncompressed, too many for a picture"
        if problem:
            raise PictureError(f"{where}: image '{image}' {problem}; remove the line or download the picture again.")
        return Member(self, name)

    def read(self, name: str) -> bytes:
        """Return a member's bytes. Raises PictureError for a corrupt member.

        Memory is bounded by the size that the archive announces, and not by what the member holds.
        """
        try:
            with self._zip.open(name) as file:
                size = min(self._zip.getinfo(name).file_size, _MAX_BYTES)
                data = file.read(size)  # without a size zipfile decompresses everything, and then cuts
                if len(data) < size or file.read(1):
                    raise zipfile.BadZipFile("its size is not the announced one")
                return data
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
            raise PictureError(
                f"{shown(self.folder)}: '{name}' in the zip is corrupt ({error}); a part is truncated: "
                "download it again and compare sizes."
            ) from None


@dataclass(frozen=True)
class Member:
    """A picture in an archive. It has the few methods of a `Path` that reading pictures needs."""

    archive: Archive
    name: str

    @property
    def suffix(self) -> str:
        """Return the extension, with its dot, as in ".png"."""
        return PurePosixPath(self.name).suffix

    def read_bytes(self) -> bytes:
        """Return the picture's bytes. Raises PictureError for a corrupt picture."""
        return self.archive.read(self.name)

    def __str__(self) -> str:
        return f"{shown(self.archive.folder)}/{self.name}"
