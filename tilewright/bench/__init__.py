"""Parts of benches for cocotb: drivers, hosts, a memory, exact predictions, scoreboards, random jobs and programs.

``from tilewright.bench import ...`` gives the names of ``__init__.pyi``, each imported when it is first used. They work
on any handle whose ports have the names of a generated block. docs/bench.md describes them, docs/own-bench.md begins
with the first bench. Tilewright's own benches are made of the same parts.
"""

from tilewright.base.lazy_names import lazy_names

__getattr__, __dir__ = lazy_names(__name__, __file__)
