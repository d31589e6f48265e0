"""A process that runs calls for another process until that ends: the part of :mod:`.executor` on the far side."""

import os
import signal
from multiprocessing.connection import Connection

from tilewright.base.processes import end_with_parent


def serve(descriptor: int, parent: int) -> None:
    """Receive a function through a socket, then calls, and send back each result or exception; end with the socket.

    The process ends with its parent, which has this number, even if that is killed.
    """
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        return  # it ended before this process could ask for the signal
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked
    connection = Connection(descriptor)
    try:
        function = connection.recv()
        while True:
            arguments = connection.recv()
            try:
                answer = True, function(*arguments)
            except Exception as error:
                answer = False, error
            connection.send(answer)
    except (EOFError, ConnectionError):
        pass
