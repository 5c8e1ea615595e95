"""Put on a client's PYTHONPATH: writes each host that its processes look up or connect to into the file LOOKED_UP names.

An audit hook, so that nothing in the client is changed and no library's own way to the network is missed.

Between two looks at a job the client waits a quarter of a second at most, not the ten seconds that jobs at AWS are worth.
"""

import os
import sys
import time

_PATH = os.environ.get("LOOKED_UP")
_LOOK_UPS = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0}
_SENDING = {"socket.connect", "socket.sendto", "socket.sendmsg"}


def _record(event, arguments):
    if event in _LOOK_UPS:
        host = arguments[0]
    elif event in _SENDING and arguments[1] and isinstance(arguments[1], tuple):  # others are sockets of this machine's files
        host = arguments[1][0]
    else:
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    with open(_PATH, "a") as file:
        file.write(name + "\n")


_sleep = time.sleep
if _PATH:
    sys.addaudithook(_record)
    time.sleep = lambda seconds: _sleep(min(seconds, 0.25))
