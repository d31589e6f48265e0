"""Tilewright generates, proves, models and schedules edge-AI accelerators.

``import tilewright as tw`` gives the names of ``__init__.pyi``, each imported when it is first used; docs/api.md
describes them.
"""

from tilewright.base.lazy_names import lazy_names

__version__ = "0.1.0"
__getattr__, __dir__ = lazy_names(__name__, __file__, "__version__")
