"""What every test may rely on."""

from __future__ import annotations

import signal

# Whoever runs the tests in the background may have them ignore Ctrl-C, and children inherit that;
# the tests that interrupt something would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
