#!/usr/bin/env bash
# Shows that Redis pushes no invalidation on SWAPDB: a client with CLIENT TRACKING ON BCAST is
# notified of a SET but not of a SWAPDB, although its value under the same key changes.
#
# Observed with redis-server 5:7.0.15-1~deb12u10 (Debian 12) and with 6.2.14. Runs the installed
# redis-server on a free loopback port, or installs Debian's package. REDIS_SERVER names another one.
# Exit status: 0 if confirmed, 1 if Redis behaves differently, 2 if it cannot be run.
set -euo pipefail

server=${REDIS_SERVER:-redis-server}
if ! command -v "$server" >/dev/null; then
  if [ -n "${REDIS_SERVER:-}" ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "'$server' is missing: sudo apt-get install redis-server" >&2
    exit 2
  fi
  apt-get update -qq
  apt-get install -y -qq redis-server
fi
command -v python3 >/dev/null || { echo "python3 is missing: sudo apt-get install python3" >&2; exit 2; }
"$server" --version

REDIS_SERVER=$server exec python3 - <<'PYTHON'
import os, socket, subprocess, sys, tempfile, time

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

class Client:
    """A client that sends inline commands and reads lines."""
    def __init__(self, port):
        self.lines = socket.create_connection(("127.0.0.1", port), 5).makefile("rwb")

    def send(self, command):
        self.lines.write(command.encode() + b"\r\n")
        self.lines.flush()

    def line(self):
        line = self.lines.readline()
        if not line:
            sys.exit("Redis closed the connection")
        return line.rstrip(b"\r\n").decode()

    def ask(self, command):
        self.send(command)
        answer = self.line()
        return self.line() if answer.startswith("$") and answer != "$-1" else answer

    def pushed(self):
        """Returns the lines pushed before the reply to a PING."""
        self.send("PING")
        lines = []
        while (line := self.line()) != "+PONG":
            lines.append(line)
        return lines

def demonstrate(port):
    other = Client(port)
    other.ask("SELECT 1")
    other.ask("SET key second")
    other.ask("SELECT 0")
    other.ask("SET key first")
    tracker = Client(port)
    tracker.send("HELLO 3")
    tracker.pushed()
    tracker.ask("CLIENT TRACKING ON BCAST")
    before = tracker.ask("GET key")
    other.ask("SWAPDB 0 1")
    swapped = tracker.pushed()
    after = tracker.ask("GET key")
    other.ask("SET key third")
    written = tracker.pushed()
    print(f"GET key: {before}; SWAPDB 0 1; GET key: {after}")
    print(f"pushed for SWAPDB: {swapped or 'nothing'}")
    print(f"pushed for SET: {written or 'nothing'}")
    return (before, after, swapped) == ("first", "second", []) and "invalidate" in written

port = free_port()
with tempfile.TemporaryDirectory() as folder:
    command = [os.environ["REDIS_SERVER"], "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    redis = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                Client(port)
                break
            except OSError:
                if redis.poll() is not None or time.monotonic() > deadline:
                    print("redis-server does not start", file=sys.stderr)
                    sys.exit(2)
                time.sleep(0.01)
        as_found = demonstrate(port)
    finally:
        redis.kill()
        redis.wait()
print("Confirmed: SWAPDB changes the visible value and pushes nothing." if as_found else "CHANGED: see above.")
sys.exit(0 if as_found else 1)
PYTHON
