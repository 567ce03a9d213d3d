"""pocketsphinx with the English model of its wheel, run by `compare_pocketsphinx.py` in a process of its own.

Takes paths of raw recordings on standard input, a line each (16 kHz, 16 bit, mono, no header), and answers
each with a line of JSON: the text, and the seconds that it took to recognise.
"""

import json
import sys
import time
from pathlib import Path

from pocketsphinx import Decoder

decoder = Decoder(samprate=16000, loglevel="FATAL")
for line in sys.stdin:
    samples = Path(line.rstrip("\n")).read_bytes()
    start = time.perf_counter()
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()
    seconds = time.perf_counter() - start
    found = decoder.hyp()
    print(json.dumps({"text": found.hypstr if found else "", "seconds": seconds}), flush=True)
