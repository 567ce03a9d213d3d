"""CMU AN4 (the census database): 948 training and 130 test utterances of spelt words and numbers, 0.8 h.

Taken from the data folder, else downloaded: CMU's own archive (NIST SPHERE files, which libsndfile reads) or,
where that fails, the public repository of CMU Sphinx (the same as WAV). No source publishes a checksum, so
the ids and transcripts are compared with the official ones, and every recording has to be there.

A. Acero, "Acoustical and environmental robustness in automatic speech recognition", 1993.
"""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from speechrnn.audio import probe
from speechrnn.corpora.data_folder import data_folder
from speechrnn.corpora.download import Patience, Source, download
from speechrnn.corpora.unpack import unpack
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.manifest import Utterance
from speechrnn.text import normalise

CMU = Source("http://www.speech.cs.cmu.edu/databases/an4/an4_sphere.tar.gz")
# A commit's name is a checksum of its contents.
REPOSITORY = Source(
    "https://github.com/cmusphinx/an4/archive/6f7ee67e2665f945235db4f8ff0473a7b0781b98.tar.gz"
)

# SHA-256 over the lines `id text`, sorted, of each part.
OFFICIAL_TEXTS = {
    "train": "8c698dbd8bfaf67733c2a4fdcfc97f031e170da4a45fb5dd6645a311a628a248",
    "test": "c33b5cd7321b174b8cf253f2b8fb1b643f6eaa1c8931ea0fb1ce0daff8e3b2f1",
}


@dataclass(frozen=True)
class An4:
    """The two official parts; no speaker is in both."""

    train: list[Utterance]
    test: list[Utterance]


def find(data_dir: Path | None) -> Path | None:
    """Return the corpus's folder in `data_dir` (else SPEECHRNN_DATA), or None if it is not there."""
    folder = data_folder(data_dir)
    if folder is None:
        return None
    return next((place for place in (folder / "an4", folder) if _is_an4(place)), None)


def fetch(
    folder: Path, sources: tuple[Source, ...] = (CMU, REPOSITORY), patience: Patience | None = None
) -> Path:
    """Download the corpus into `folder` unless it is there; return the folder to give to `read`.

    Raises SpeechRnnError, saying what went wrong with each source, when none can be had.
    """
    corpus = folder / "an4"
    if _is_an4(corpus):
        return corpus
    complaints = []
    for number, source in enumerate(sources):
        archive = folder / f"an4-{number}.tar.gz"
        try:
            download(source, archive, patience)
            unpacked = unpack(archive, folder / "an4.unpacking")
            top = next(unpacked.iterdir(), unpacked)
            read(top)
            top.rename(corpus)
            shutil.rmtree(unpacked)
            return corpus
        except SpeechRnnError as error:
            complaints.append(str(error))
        finally:
            # Without a checksum the archive may be anything: it does not stay to be trusted next time.
            archive.unlink(missing_ok=True)
    raise SpeechRnnError("; ".join(complaints))


def read(corpus: Path) -> An4:
    """Return the utterances of the corpus in `corpus`: a `manifest.jsonl`, or CMU's `etc` and `wav` folders.

    Raises SpeechRnnError when recordings or transcripts are missing or are not the official ones.
    """
    if (corpus / "manifest.jsonl").exists():
        parts = _from_manifest(corpus)
    elif (corpus / "etc").is_dir():
        parts = {part: _from_transcription(corpus, part) for part in OFFICIAL_TEXTS}
    else:
        raise SpeechRnnError(
            f"{corpus}: holds no AN4 corpus (neither manifest.jsonl nor etc/); name its folder"
        )
    for part, digest in OFFICIAL_TEXTS.items():
        if digest_of_texts(parts[part]) != digest:
            raise SpeechRnnError(
                f"{corpus}: the {part} part has not AN4's official utterances and transcripts; "
                "delete it and fetch it again"
            )
    return An4(**parts)


def digest_of_texts(utterances: list[Utterance]) -> str:
    """Return SHA-256 over the sorted lines `id text` in hexadecimal."""
    lines = sorted(f"{utterance.id} {utterance.text}\n" for utterance in utterances)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _is_an4(folder: Path) -> bool:
    return (folder / "manifest.jsonl").exists() or (folder / "etc" / "an4_train.transcription").exists()


def _from_manifest(corpus: Path) -> dict[str, list[Utterance]]:
    """Return the parts that the key `split` of each line of the data folder's manifest names."""
    manifest = corpus / "manifest.jsonl"
    parts: dict[str, list[Utterance]] = {part: [] for part in OFFICIAL_TEXTS}
    for number, line in enumerate(manifest.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            fields = json.loads(line)
            part, audio, text = fields["split"], corpus / fields["audio_filepath"], fields["text"]
            parts[part].append(_utterance(audio, text))
        except (ValueError, KeyError, TypeError) as error:
            raise SpeechRnnError(
                f"{manifest}:{number}: is not an AN4 utterance ({error!r}); fetch the corpus again"
            ) from error
    return parts


# Training lines are `<s> TEXT </s> (id)`, test lines `TEXT (id)`.
_LINE = re.compile(r"(?:<s> )?(?P<text>.*?) (?:</s> )?\((?P<id>[\w-]+)\)")


def _from_transcription(corpus: Path, part: str) -> list[Utterance]:
    """Return the utterances of CMU's own layout: `etc/an4_train.transcription` with `.fileids` beside it."""
    transcription = corpus / "etc" / f"an4_{part}.transcription"
    file_ids = corpus / "etc" / f"an4_{part}.fileids"
    for file in (transcription, file_ids):
        check_readable(file)
    texts = {}
    for number, line in enumerate(transcription.read_text(encoding="utf-8").splitlines(), start=1):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise SpeechRnnError(f"{transcription}:{number}: is not 'TEXT (id)'; fetch the corpus again")
        texts[match["id"]] = match["text"]
    utterances = []
    for name in file_ids.read_text(encoding="utf-8").split():
        stem = corpus / "wav" / name
        audio = next(
            (found for end in (".sph", ".wav") if (found := stem.with_name(stem.name + end)).exists()), None
        )
        if audio is None or stem.name not in texts:
            raise SpeechRnnError(f"{stem}: has no recording or no transcript; fetch the corpus again")
        utterances.append(_utterance(audio, texts[stem.name]))
    return utterances


def _utterance(audio: Path, text: str) -> Utterance:
    """Return the utterance in `audio`, which lies in its speaker's folder and is named after its id."""
    return Utterance(
        audio_filepath=audio,
        text=normalise(text),
        duration=probe(audio).seconds,
        speaker=audio.parent.name,
        id=audio.stem,
    )
