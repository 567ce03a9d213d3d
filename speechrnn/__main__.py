"""`python -m speechrnn`: the command line without the script that pip installs (for `torchrun -m`)."""

import sys

from speechrnn.commands import main

sys.exit(main())
