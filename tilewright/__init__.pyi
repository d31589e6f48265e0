"""The public names, one on each line with the module that defines it: ``tilewright/__init__.py`` reads them."""

from tilewright.api.cosim import CosimResult as CosimResult
from tilewright.api.cosim import cosim as cosim
from tilewright.api.export import export_decoder as export_decoder
from tilewright.api.generate import SynthResult as SynthResult
from tilewright.api.generate import generate as generate
from tilewright.api.generate import synth as synth
from tilewright.api.mapping import map as map
from tilewright.api.mapping import with_host as with_host
from tilewright.api.programs import Program as Program
from tilewright.api.programs import ProgramRun as ProgramRun
from tilewright.api.programs import load_program as load_program
from tilewright.api.programs import run as run
from tilewright.api.simulators import use_simulator as use_simulator
from tilewright.api.text import generate_text as generate_text
from tilewright.base.errors import ConfigError as ConfigError
from tilewright.base.simulators import Simulator as Simulator
from tilewright.cocotb_tests.runner import BenchError as BenchError
from tilewright.hw.generate import GeneratedBlock as GeneratedBlock
from tilewright.mapping.exported import ExportedDecoder as ExportedDecoder
from tilewright.mapping.models import DecoderConfig as DecoderConfig
from tilewright.mapping.models import LlamaConfig as LlamaConfig
from tilewright.mapping.models import load_model as load_model
from tilewright.mapping.models import model_names as model_names
from tilewright.mapping.models.sampling import Sampling as Sampling
from tilewright.mapping.report import MapResult as MapResult
from tilewright.mapping.written import WrittenText as WrittenText
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
