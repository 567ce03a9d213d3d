"""LibriSpeech: every official part, mini LibriSpeech, and the published language models, from OpenSLR.

A tree that is on the disk already is used as it is (`find_tree`), FLAC or Opus; otherwise `fetch_parts`
downloads the parts and checks their published checksums. `librispeech_tree` turns a part into utterances.

V. Panayotov, G. Chen, D. Povey, S. Khudanpur, "LibriSpeech: an ASR corpus based on public domain audio
books", ICASSP 2015. CC BY 4.0.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from speechrnn.corpora.data_folder import data_folder
from speechrnn.corpora.download import Patience, Source, download
from speechrnn.corpora.unpack import unpack
from speechrnn.errors import SpeechRnnError

OPENSLR = "https://www.openslr.org/resources"

# The checksums are those of OpenSLR's md5sum.txt (resources 12 and 31).
PARTS: dict[str, Source] = {
    "dev-clean": Source(f"{OPENSLR}/12/dev-clean.tar.gz", "42e2234ba48799c1f50f24a7926300a1"),
    "dev-other": Source(f"{OPENSLR}/12/dev-other.tar.gz", "c8d0bcc9cca99d4f8b62fcc847357931"),
    "test-clean": Source(f"{OPENSLR}/12/test-clean.tar.gz", "32fa31d27d2e1cad72775fee3f4849a9"),
    "test-other": Source(f"{OPENSLR}/12/test-other.tar.gz", "fb5a50374b501bb3bac4815ee91d3135"),
    "train-clean-100": Source(f"{OPENSLR}/12/train-clean-100.tar.gz", "2a93770f6d5c6c964bc36631d331a522"),
    "train-clean-360": Source(f"{OPENSLR}/12/train-clean-360.tar.gz", "c0e676e450a7ff2f54aeade5171606fa"),
    "train-other-500": Source(f"{OPENSLR}/12/train-other-500.tar.gz", "d1a0fd59409feb2c614ce4d30c387708"),
    "dev-clean-2": Source(f"{OPENSLR}/31/dev-clean-2.tar.gz", "6d7ab67ac6a1d2c993d050e16d61080d"),
    "train-clean-5": Source(f"{OPENSLR}/31/train-clean-5.tar.gz", "5df7d4e78065366204ca6845bb08f490"),
}

# OpenSLR's resource 11 comes without checksums; the lengths in bytes are those that Kaldi's recipe expects.
LANGUAGE_MODELS: dict[str, Source] = {
    "3-gram.pruned.3e-7.arpa.gz": Source(f"{OPENSLR}/11/3-gram.pruned.3e-7.arpa.gz", size=13654242),
    "3-gram.pruned.1e-7.arpa.gz": Source(f"{OPENSLR}/11/3-gram.pruned.1e-7.arpa.gz", size=34094057),
    "3-gram.arpa.gz": Source(f"{OPENSLR}/11/3-gram.arpa.gz", size=759636181),
    "4-gram.arpa.gz": Source(f"{OPENSLR}/11/4-gram.arpa.gz", size=1355172078),
    "librispeech-lexicon.txt": Source(f"{OPENSLR}/11/librispeech-lexicon.txt", size=5627653),
    "librispeech-vocab.txt": Source(f"{OPENSLR}/11/librispeech-vocab.txt", size=1737588),
}

TREE = "LibriSpeech"  # the folder that every archive holds


def find_tree(data_dir: Path | None, parts: Iterable[str]) -> Path | None:
    """Return a tree that has all `parts`, or None.

    Looked for in `data_dir` (else in what SPEECHRNN_DATA names): the folder itself, then the folders in it,
    those named after LibriSpeech first.
    """
    folder = data_folder(data_dir)
    if folder is None:
        return None
    inside = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    inside.sort(key=lambda entry: not entry.name.lower().startswith("librispeech"))
    wanted = list(parts)
    return next((tree for tree in (folder, *inside) if all(_has_part(tree, part) for part in wanted)), None)


def fetch_parts(
    folder: Path,
    parts: Iterable[str],
    patience: Patience | None = None,
    sources: Mapping[str, Source] = PARTS,
) -> Path:
    """Download those of `parts` that `folder` lacks, unpack them and delete the archives; return the tree.

    Raises SpeechRnnError for a part that does not exist, and as `download` and `unpack` do.
    """
    tree = folder / TREE
    for part in parts:
        source = _source(part, sources, "part of LibriSpeech")
        if _has_part(tree, part):
            continue
        archive = download(source, folder / f"{part}.tar.gz", patience)
        unpacked = unpack(archive, folder / f"{part}.unpacking")
        _move_part(unpacked / TREE, tree, part, archive)
        shutil.rmtree(unpacked)
        archive.unlink()
    return tree


def fetch_language_models(
    folder: Path,
    names: Iterable[str],
    patience: Patience | None = None,
    sources: Mapping[str, Source] = LANGUAGE_MODELS,
) -> list[Path]:
    """Download the language models, lexicon or vocabulary `names` into `folder`; return the files."""
    return [
        download(_source(name, sources, "language model of LibriSpeech"), folder / name, patience)
        for name in names
    ]


def _source(name: str, sources: Mapping[str, Source], kind: str) -> Source:
    if name not in sources:
        raise SpeechRnnError(f"{name}: is no {kind}; there are {', '.join(sources)}")
    return sources[name]


def _has_part(tree: Path, part: str) -> bool:
    """Return whether `part` in `tree` holds any transcript; a part is moved there whole."""
    return next((tree / part).rglob("*.trans.txt"), None) is not None


def _move_part(unpacked: Path, tree: Path, part: str, archive: Path) -> None:
    """Move `part` and the tables of speakers and books from `unpacked` to `tree`, the part last."""
    if not _has_part(unpacked, part):
        raise SpeechRnnError(f"{archive}: does not hold {TREE}/{part}; delete it and run it again")
    tree.mkdir(parents=True, exist_ok=True)
    for table in unpacked.glob("*.TXT"):
        table.replace(tree / table.name)
    (unpacked / part).rename(tree / part)
