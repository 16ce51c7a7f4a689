"""Archives whose bytes depend on their content alone: fixed times, owners, and order."""

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

# How much time compression may take: from 1 to 9, which releases use. Tests set 1.
LEVEL = int(os.environ.get("PACKAGING_LEVEL", "9"))

# File mode and content, by the path in the archive.
Files = dict[str, tuple[int, bytes]]


def write_whole(path: Path, write):
    """A file that gets its name when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_zip(path: Path, files: Files):
    """The entries are in the order of `files`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, (mode, content) in files.items():
            # The first time that the format can state.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, so that the file modes count
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content, compresslevel=LEVEL)


def write_tar_gz(path: Path, files: Files):
    with path.open("wb") as file:
        with gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as compressed:
            with tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
                for name, (mode, content) in files.items():
                    entry = tarfile.TarInfo(name)
                    entry.mode, entry.size = mode, len(content)
                    archive.addfile(entry, io.BytesIO(content))
