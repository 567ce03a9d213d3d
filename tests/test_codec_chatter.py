"""Codecs' notes stay out of the terminal, and everything else gets there."""

import subprocess
import sys

from speechrnn.audio import AudioStream
from tests.recordings import encoded, voice

# Eight threads decode a damaged MP3, over which libmpg123 prints, while the main thread writes in three ways.
PROGRAM = """
import ctypes, os, sys, threading
from speechrnn.audio import AudioStream

def decode():
    for _ in range(10):
        for block in AudioStream(sys.argv[1]):
            pass

threads = [threading.Thread(target=decode) for _ in range(8)]
for thread in threads:
    thread.start()
line = 0
while any(thread.is_alive() for thread in threads):
    print(f"print {line}", file=sys.stderr)
    os.write(2, f"write {line}\\n".encode())
    line += 1
libc = ctypes.CDLL(None)
libc.fputs(b"C after\\n", ctypes.c_void_p.in_dll(libc, "stderr"))
print(line)
"""


def damaged_mp3(folder):
    data = encoded(voice(3), "mp3")
    path = folder / "damaged.mp3"
    path.write_bytes(data[:5000] + bytes(700) + data[5700:])
    return path


def test_only_what_codecs_print_is_kept_from_standard_error(tmp_path):
    path = damaged_mp3(tmp_path)
    done = subprocess.run([sys.executable, "-c", PROGRAM, path], capture_output=True, text=True, check=True)
    count = int(done.stdout)
    assert count > 0
    expected = [f"{way} {line}" for line in range(count) for way in ("print", "write")]
    assert done.stderr.splitlines() == [*expected, "C after"]


def test_the_codec_would_have_printed(tmp_path):
    program = "import soundfile, sys; soundfile.read(sys.argv[1])"
    path = damaged_mp3(tmp_path)
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert "Illegal Audio-MPEG-Header" in done.stderr


def test_nothing_is_printed_over_a_damaged_file_in_a_child_process_that_was_forked(tmp_path):
    program = (
        "import os, sys\n"
        "from speechrnn.codec_chatter import codecs_kept_quiet\n"
        "from speechrnn.audio import AudioStream\n"
        "with codecs_kept_quiet():\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        count = sum(map(len, AudioStream(sys.argv[1])))\n"
        "        os._exit(0 if count else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    path = damaged_mp3(tmp_path)
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stream_left_half_read_leaves_standard_error_as_it_was(tmp_path, capfd):
    next(iter(AudioStream(damaged_mp3(tmp_path))))
    subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('heard')"], check=True)
    assert capfd.readouterr().err == "heard"
