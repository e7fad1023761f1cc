"""Does for the tests what systemd's convoy.socket does: holds the daemon's listening sockets and starts it with them.

Usage: socket-holder.py PLUGIN_SOCKET CONTROL_SOCKET STARTS COMMAND...
It starts COMMAND at once, and again each time the file STARTS has been made and the one before has ended.
"""
import os
import socket
import sys
import time

plugin, control, starts, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
listeners = []
for path in (plugin, control):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen(4096)
    listeners.append(listener)

while True:
    child = os.fork()
    if child == 0:
        # First out of the way of 3 and 4, then onto them: a copy made by dup2 is inherited.
        high = [os.dup(listener.fileno()) for listener in listeners]
        for descriptor, original in enumerate(high, 3):
            os.dup2(original, descriptor, inheritable=True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="plugin:control")
        os.execvp(command[0], command)
    os.waitpid(child, 0)
    while not os.path.exists(starts):
        time.sleep(0.02)
    os.unlink(starts)
