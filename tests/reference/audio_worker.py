"""A process that reads recordings for a test, so that a crash of a codec is a failed test and not its end.

It answers each file with one word and, where there is one, the reason:
- "read": there were samples, all finite and within full scale;
- "refused": a SpeechRnnError in one line that names the file;
- "wrong": anything else, with the traceback.
"""

import multiprocessing
import os
import resource
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

MEMORY_BYTES = 4 << 30
SECONDS = 60.0


class AudioWorker:
    """The process, started anew after it has died."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._start()

    def read(self, data: bytes) -> tuple[str, str]:
        """Return how reading a file that holds `data` ends."""
        self._connection.send_bytes(data)
        if not self._connection.poll(SECONDS):
            self.stop()
            self._start()
            return "wrong", f"no answer after {SECONDS} s"
        try:
            answer: tuple[str, str] = self._connection.recv()
            return answer
        except EOFError:
            self._process.join()
            died_of = self._process.exitcode
            self._start()
            return "wrong", f"the process died with status {died_of}"

    def stop(self) -> None:
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, self._folder), daemon=True)
        self._process.start()
        other.close()


def _serve(connection: Connection, folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    path = folder / f"fuzzed-{os.getpid()}"
    while True:
        path.write_bytes(connection.recv_bytes())
        connection.send(_outcome(path))


def _outcome(path: Path) -> tuple[str, str]:
    from speechrnn.audio import AudioStream, probe, read_audio
    from speechrnn.errors import SpeechRnnError

    refusals = []
    for read in (
        lambda: [np.zeros(1)] if probe(path).seconds >= 0 else [],
        lambda: AudioStream(path),
        lambda: AudioStream(path, 8000, channel=0),
        lambda: [read_audio(path, 11025, offset=0.15, duration=0.05)],
    ):
        try:
            for block in read():
                assert np.isfinite(block).all(), "samples that are not finite"
                assert np.abs(block).max() <= 1, "samples beyond full scale"
        except SpeechRnnError as error:
            if str(path) not in str(error) or "\n" in str(error):
                return "wrong", str(error)
            refusals.append(str(error))
        except BaseException:
            return "wrong", traceback.format_exc()
    return ("refused", refusals[0]) if refusals else ("read", "")
