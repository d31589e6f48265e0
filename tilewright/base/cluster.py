"""Connects to a Dask cluster, or says in one line why there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tilewright.base.errors import ConfigError

if TYPE_CHECKING:
    from distributed import Client


@contextmanager
def connected(scheduler: str, seconds: float) -> "Iterator[Client]":
    """Yield a client of the scheduler at an address, which has a worker.

    Parameters
    ----------
    seconds : float
        Longest time until the scheduler answers, and until it has a worker.

    Raises
    ------
    ConfigError
        If there is no answer, or no worker, or Dask is not installed.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError(
            f"scheduler = {scheduler} is not allowed: Dask is not installed: pip install 'tilewright[explore]'"
        ) from None
    try:
        client: Client = Client(scheduler, timeout=seconds, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError, AssertionError) as error:
        # Dask asserts that its own thread starts within ten seconds, which a busy machine may not give it.
        busy = "Dask did not start in ten seconds" if isinstance(error, AssertionError) else type(error).__name__
        reason = str(error).splitlines()[0] if str(error) else busy
        raise ConfigError(
            f"scheduler = {scheduler} does not answer: {reason}; it must be the address of a Dask scheduler, such as "
            "tcp://10.0.0.1:8786"
        ) from None
    try:
        try:
            client.wait_for_workers(1, timeout=seconds)
        except TimeoutError:
            raise ConfigError(
                f"scheduler = {scheduler} is not allowed: it has no worker; `dask worker {scheduler}` starts one"
            ) from None
        yield client
    finally:
        client.close(timeout=seconds)
