"""The public names, one on each line with the module that defines it: ``tilewright/__init__.py`` reads them."""

from tilewright.base.errors import ConfigError as ConfigError
from tilewright.mapping.models import LlamaConfig as LlamaConfig
from tilewright.mapping.models import load_model as load_model
from tilewright.mapping.models import model_names as model_names
from tilewright.sim.config import HostConfig as HostConfig
from tilewright.sim.config import System as System
from tilewright.sim.config import host_names as host_names
from tilewright.sim.config import load_host as load_host
from tilewright.sim.config import load_system as load_system
from tilewright.sim.config import system_names as system_names
from tilewright.sim.formats import Blocks as Blocks
from tilewright.sim.formats import Format as Format
from tilewright.sim.formats import Int as Int
from tilewright.sim.formats import Microscaling as Microscaling
from tilewright.sim.formats import Minifloat as Minifloat
from tilewright.sim.formats import Posit as Posit
from tilewright.sim.formats import Quire as Quire
from tilewright.sim.formats import ScalarFormat as ScalarFormat
from tilewright.sim.formats import convert as convert
from tilewright.sim.formats import format_names as format_names
from tilewright.sim.formats import parse_format as parse_format

__version__: str
