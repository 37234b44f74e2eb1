"""Start the embedded default on a free port and measure it at rest: start-up time and memory of each program."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from benchmarks.processes import children, memory


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/entrar/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def start(folder: str, port: int) -> tuple[subprocess.Popen[bytes], float]:
    """Start the portal; return it and the seconds until its sign-in page answered."""
    began = time.monotonic()
    environment = {**os.environ, "VAR_DIR": folder, "PORT": str(port)}
    portal = subprocess.Popen([sys.executable, "-m", "messaging.embedded"], env=environment, stdout=subprocess.DEVNULL)
    while not answers(port):
        if portal.poll() is not None or time.monotonic() - began > 60:
            raise SystemExit("The portal did not start.")
        time.sleep(0.05)
    return portal, time.monotonic() - began


def stop(portal: subprocess.Popen[bytes]) -> None:
    portal.send_signal(signal.SIGTERM)
    portal.wait(timeout=30)


def main() -> None:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        portal, first = start(folder, port)
        stop(portal)
        portal, second = start(folder, port)
        time.sleep(3)  # until start-up has finished
        rows = [memory(pid) for pid in children(portal.pid)]
        stop(portal)
    print(f"first start {first:.1f} s, second start {second:.1f} s\n")
    print(f"{'RSS MiB':>8} {'PSS MiB':>8}  program")
    for command, resident, proportional in rows:
        print(f"{resident:8.0f} {proportional:8.0f}  {command[:90]}")


main()
