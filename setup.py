"""Adds one thing to pyproject.toml: the start-up hook that names the tasks to Gymnasium.

It has to lie beside the package in site-packages, where setuptools' tables cannot put a .pth file.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HOOK = Path("src/gymnasium_plugin")


class BuildWithHook(build_py):
    """build_py, and the hook into the root of the wheel, an editable one too."""

    def run(self) -> None:
        super().run()
        folder = self.build_lib
        if self.editable_mode:  # nothing is built then: the files go straight into the wheel
            folder = self.get_finalized_command("install").install_lib
        Path(folder).mkdir(parents=True, exist_ok=True)
        for file in ("_entitybench_gymnasium.py", "entitybench_gymnasium.pth"):
            shutil.copyfile(HOOK / file, Path(folder, file))


setup(cmdclass={"build_py": BuildWithHook})
