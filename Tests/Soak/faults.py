"""What the soak test does to the daemon: kills, a full disk, jumps of the clock."""

import atexit
import os
import pathlib
import signal
import struct
import subprocess
import time


class SmallDisk:
    """A file system of fixed size, in memory, and a file that fills it."""

    def __init__(self, path, megabytes):
        self.path = pathlib.Path(path)
        self.path.mkdir()
        self.is_mounted = os.getuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "none", str(self.path)],
            capture_output=True).returncode == 0
        atexit.register(self.unmount)

    def fill(self):
        """Leaves nothing; True when the disk was really full."""
        piece = b"\0" * (256 << 10)
        with open(self.path / "ballast", "ab", buffering=0) as file:
            while piece:
                try:
                    file.write(piece)
                except OSError:
                    piece = piece[: len(piece) // 2]
        status = os.statvfs(self.path)
        return status.f_bfree * status.f_bsize < 64 << 10

    def free(self):
        (self.path / "ballast").unlink(missing_ok=True)

    def used(self):
        status = os.statvfs(self.path)
        return (status.f_blocks - status.f_bfree) * status.f_bsize

    def unmount(self):
        if self.is_mounted:
            subprocess.run(["umount", "-l", str(self.path)], capture_output=True)
            self.is_mounted = False


class Clock:
    """The daemon's time of day, where a compiler is there to make what changes it."""

    def __init__(self, directory):
        self.file = f"{directory}/clock"
        self.library = f"{directory}/clock.so"
        self.set(0)
        source = pathlib.Path(__file__).parent / "clock.c"
        try:
            made = subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, str(source), "-ldl"],
                                  capture_output=True).returncode == 0
        except OSError:
            made = False
        self.environment = {"LD_PRELOAD": self.library, "SOAK_CLOCK": self.file} if made else {}

    def set(self, seconds):
        # In place: the daemon has the file mapped.
        with open(self.file, "r+b" if os.path.exists(self.file) else "w+b") as file:
            file.write(struct.pack("<q", seconds))
        os.chmod(self.file, 0o644)


def kill(server, role):
    """SIGKILL; how long until the role is back and all answers, or None."""
    victim = server.role(role)
    if victim is None:
        return None
    os.kill(victim, signal.SIGKILL)
    began = time.monotonic()
    while time.monotonic() - began < 60:
        try:
            if server.role(role) not in (None, victim) and server.answers():
                return time.monotonic() - began
        except RuntimeError:
            return None
        time.sleep(0.02)
    return None


def measure(server):
    """Resident octets and open descriptors of each process, by role."""
    sample = {}
    for name, pid in [("supervisor", server.process.pid)] + [(r, server.role(r)) for r in ("mail", "auth", "submit")]:
        try:
            status = open(f"/proc/{pid}/status").read()
            resident = int(status.split("RssAnon:")[1].split()[0])
            sample[name] = (resident, len(os.listdir(f"/proc/{pid}/fd")))
        except (OSError, IndexError):
            pass
    return sample
