"""Names EntityBench's tasks to Gymnasium as soon as Gymnasium is imported.

Gymnasium 1.0 gave up its plugin entry point, so this small finder waits for
`gymnasium.envs.registration` to be imported and then calls `entitybench.envs.views.gym:register`,
which loads no simulator. `entitybench_gymnasium.pth`, installed beside it, imports it when Python
starts; it costs microseconds where Gymnasium is not used, and must never break anything else.
"""

import sys

_TRIGGER = "gymnasium.envs.registration"


class _Finder:
    """Finds nothing itself: it adds the registration to what the other finders find."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # noqa: ARG004 - Python's signature
        if name != _TRIGGER:
            return None
        if _Finder in sys.meta_path:
            sys.meta_path.remove(_Finder)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is None or not hasattr(spec.loader, "exec_module"):
            return spec
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            try:
                from entitybench.envs.views.gym import register

                register()
            except Exception as error:
                import warnings

                warnings.warn(f"entitybench could not register its tasks: {error}", stacklevel=2)

        spec.loader.exec_module = exec_module
        return spec


if _TRIGGER not in sys.modules:
    sys.meta_path.insert(0, _Finder)
