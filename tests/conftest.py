"""What every test may rely on."""

from __future__ import annotations

import os
import signal
import sys

from entitybench.arithmetic import same_everywhere

# Whoever runs the tests in the background may have them ignore Ctrl-C, and children inherit that;
# the tests that interrupt something would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

# As in `bench` and its workers, so that what tests compute here agrees with what those do. Where a
# plugin has loaded numpy by now it would change nothing, and only say so.
if "numpy" not in sys.modules:
    os.environ.update(same_everywhere())
