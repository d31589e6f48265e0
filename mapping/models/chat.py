"""Templates of chats: what a model's files say a conversation looks like, in the language of Jinja."""

from dataclasses import dataclass
from pathlib import Path

from tilewright.base.errors import ConfigError


@dataclass(frozen=True)
class ChatTemplate:
    """The template of a model's chats."""

    path: Path
    """File that contains it."""
    text: str
    """Template in Jinja, as transformers understands it."""
    begin: str = ""
    end: str = ""
    """Texts of the tokens that begin and end a text."""

    def prompt(self, message: str) -> str:
        """Return the text after which the model answers the first message of a user; special tokens are spelled out.

        Templates come with models, from anybody: they run in a sandbox, which neither reads nor changes anything.

        Raises
        ------
        ConfigError
            If the template is none, or refuses the message.
        """
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        def refuse(reason: str) -> None:
            raise TemplateError(reason)

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = refuse
        try:
            return environment.from_string(self.text).render(
                messages=[{"role": "user", "content": message}],
                add_generation_prompt=True,
                bos_token=self.begin,
                eos_token=self.end,
            )
        except Exception as error:  # whatever a template does
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ConfigError(f"{self.path}: the template of chats cannot be used: {reason}") from error
