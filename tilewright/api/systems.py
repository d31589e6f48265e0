"""Systems, hosts and models as functions of the public interface take them: a name, a file, or the object itself."""

from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.mapping.models import DecoderConfig
from tilewright.mapping.models.config import BertConfig, Transformer
from tilewright.mapping.models.load import load_transformer
from tilewright.sim.config import HostConfig, System, load_host, load_system


def system_of(system: object) -> System:
    """Return a system: the object itself, or that of a preset's name or a TOML file.

    Raises
    ------
    ConfigError
        If there is no such system, or its description is not valid.
    """
    if isinstance(system, str | Path):
        return load_system(system)
    if isinstance(system, System):
        return system
    raise ConfigError(f"system = {system!r} is not allowed: it must be a name, a TOML file or a System")


def host_of(host: object) -> HostConfig:
    """Return a host: the object itself, or that of a preset's name or a TOML file.

    Raises
    ------
    ConfigError
        If there is no such host, or its description is not valid.
    """
    if isinstance(host, str | Path):
        return load_host(host)
    if isinstance(host, HostConfig):
        return host
    raise ConfigError(f"host = {host!r} is not allowed: it must be a name, a TOML file or a HostConfig")


def transformer_of(model: object) -> Transformer:
    """Return a decoder or an encoder: the object itself, or that of a shipped name, a ``config.json`` or its folder.

    Raises
    ------
    ConfigError
        If there is no such model, or it is not a configuration that is understood.
    """
    if isinstance(model, str | Path):
        return load_transformer(model)
    if isinstance(model, DecoderConfig | BertConfig):
        return model
    raise ConfigError(
        f"model = {model!r} is not allowed: it must be a name, a config.json, a DecoderConfig or a BertConfig"
    )
