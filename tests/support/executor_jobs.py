"""Jobs for executors."""

import errno
import os
import sys
import time

from entitybench.errors import DataError


def square(x):
    return x * x


def wrong(how):
    if how == "ours":
        raise DataError("the data are gone.")
    if how == "other":
        raise KeyError("x")
    if how == "disk":
        raise OSError(errno.ENOSPC, "no space")
    if how == "dies":
        os._exit(9)
    if how == "sleeps":
        time.sleep(600)
    sys.stdout.write("this is no answer\n")
    sys.stdout.flush()
    os.write(1, b"nor this\n")
    return "said"
