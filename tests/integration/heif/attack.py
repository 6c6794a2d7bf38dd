"""A decoder that was taken over: tries every way out, and tells which ones were open: JSON, the last line on standard error.

It is given what there is to be had, as JSON. Run without the sandbox all of it succeeds.
"""

import _thread
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

there = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)

# Numbers that both processors do not share; from Linux 5.1 on there is one list.
X86_64 = {"ptrace": 101, "process_vm_readv": 310, "unshare": 272, "mount": 165, "bpf": 321, "keyctl": 250, "setns": 308}
X86_64 |= {"memfd_create": 319, "shmget": 29, "msgget": 68, "perf_event_open": 298, "userfaultfd": 323, "chroot": 161}
X86_64 |= {"inotify_init1": 294, "sched_setaffinity": 203, "execveat": 322, "socketpair": 53, "add_key": 248}
AARCH64 = {"ptrace": 117, "process_vm_readv": 270, "unshare": 97, "mount": 40, "bpf": 280, "keyctl": 219, "setns": 268}
AARCH64 |= {"memfd_create": 279, "shmget": 194, "msgget": 186, "perf_event_open": 241, "userfaultfd": 282, "chroot": 51}
AARCH64 |= {"inotify_init1": 26, "sched_setaffinity": 122, "execveat": 281, "socketpair": 199, "add_key": 217}
BOTH = {"pidfd_send_signal": 424, "io_uring_setup": 425, "clone3": 435, "openat2": 437, "pidfd_open": 434}
NUMBERS = (X86_64 if os.uname().machine == "x86_64" else AARCH64) | BOTH


def call(name, *arguments):
    arguments = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    answer = libc.syscall(ctypes.c_long(NUMBERS[name]), *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def read(path):
    with open(path, "rb") as file:
        if not file.read(64):
            raise OSError("empty")


def write(path):
    with open(path, "wb") as file:
        file.write(b"x")


def send(family, kind, address):
    with socket.socket(family, kind) as door:
        door.settimeout(5)
        door.connect(address)
        door.send(b"x")


def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def process():
    subprocess.run(["/bin/true"], check=True)


def clone3():
    # struct clone_args: no flags, no signal at its end.
    arguments = (ctypes.c_uint64 * 8)()
    if call("clone3", ctypes.byref(arguments), ctypes.sizeof(arguments)) == 0:
        os._exit(0)


def memory_of(pid):
    with open(f"/proc/{pid}/maps") as maps:
        start = int(maps.readline().split("-")[0], 16)
    buffer = ctypes.create_string_buffer(16)
    vector = ctypes.c_uint64 * 2
    mine, theirs = vector(ctypes.addressof(buffer), 16), vector(start, 16)
    call("process_vm_readv", pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)


def memory_file_of(pid):
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))


def ask_for_signals(pid):
    # F_SETOWN and F_SETSIG: the kernel signals whom one names when a pipe can be read.
    import fcntl

    fcntl.fcntl(2, 8, pid)
    fcntl.fcntl(2, 10, signal.SIGCONT)


def threads(most):
    # Not by `threading`, which waits for ever for a thread that finds no memory left to begin with.
    threading.stack_size(64 << 10)
    gate = _thread.allocate_lock()

    def pass_through():
        with gate:
            pass

    with gate:
        for _ in range(most):
            _thread.start_new_thread(pass_through, ())


def threads_end():
    until = time.monotonic() + 10
    while _thread._count() and time.monotonic() < until:
        time.sleep(0.01)


def dump_core():
    import resource

    if resource.getrlimit(resource.RLIMIT_CORE) == (0, 0):
        raise OSError("none")


def fill(path, most):
    block = b"x" * (1 << 20)
    with open(path, "wb") as file:
        for _ in range(most >> 20):
            file.write(block)


victim, secret, folder = there["victim"], there["secret"], there["folder"]
ATTEMPTS = {
    "read a secret": lambda: read(secret),
    "list a folder": lambda: os.listdir(folder) + os.listdir("/etc"),
    "read the system's settings": lambda: read("/etc/passwd"),
    "write elsewhere": lambda: write(f"{folder}/new"),
    "write a new file here": lambda: write("new"),
    "append to the photo": lambda: write("photo.heif"),
    "change a mode": lambda: os.chmod(secret, 0o604),
    "change a time": lambda: os.utime(secret),
    "set an attribute": lambda: os.setxattr(secret, "user.x", b"x"),
    "cut a file": lambda: os.truncate(secret, 3),
    "open without a right": lambda: os.close(os.open("photo.png", 3)),
    "empty a file by opening it": lambda: os.close(os.open(f"{folder}/note", 3 | os.O_TRUNC)),
    "link the secret": lambda: os.link(secret, f"{folder}/link"),
    "link the result to the secret": lambda: os.symlink(secret, "link"),
    "rename": lambda: os.rename("photo.y4m", "renamed"),
    "remove": lambda: os.remove("photo.png"),
    "make a pipe with a name": lambda: os.mkfifo("pipe"),
    "TCP": lambda: send(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", there["tcp"])),
    "UDP": lambda: send(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", there["udp"])),
    "a unix socket with a path": lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, there["unix"]),
    "an abstract unix socket": lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + there["abstract"]),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(),
    "a pair of sockets": lambda: socket.socketpair(),
    "fork": fork,
    "start a program": process,
    "clone3": clone3,
    "ten thousand threads": lambda: threads(10_000),
    "signal another": lambda: os.kill(victim, signal.SIGCONT),
    "signal its group": lambda: os.killpg(os.getpgid(victim), signal.SIGCONT),
    "queue a signal": lambda: signal.pidfd_send_signal(os.pidfd_open(victim), signal.SIGCONT),
    "have another signalled": lambda: ask_for_signals(victim),
    "ptrace": lambda: call("ptrace", 0x4206, victim, 0, 0),
    "another's memory": lambda: memory_of(victim),
    "another's memory as a file": lambda: memory_file_of(victim),
    "another's environment": lambda: read(f"/proc/{victim}/environ"),
    "another's priority": lambda: os.setpriority(os.PRIO_PROCESS, victim, 19),
    "another's limits": lambda: __import__("resource").prlimit(victim, 7, (64, 64)),
    "another's processors": lambda: os.sched_setaffinity(victim, os.sched_getaffinity(0)),
    "io_uring": lambda: os.close(call("io_uring_setup", 4, ctypes.create_string_buffer(120))),
    "a new namespace": lambda: call("unshare", 0x10000000),
    "a nameless file": lambda: os.close(os.memfd_create("x")),
    "shared memory": lambda: call("shmget", 0, 4096, 0o1600),
    "a message queue": lambda: call("msgget", 0, 0o1600),
    "watch a folder": lambda: os.close(call("inotify_init1", 0)),
    "a key": lambda: call("add_key", b"user", b"x", b"x", 1, -2),
    "10 GB": lambda: fill("photo.png", 10 << 30),
    "a core dump": lambda: dump_core(),
    "8 GB of memory": lambda: bytearray(8 << 30),
}

open_ones, closed = [], {}
for name in there["attempts"] or ATTEMPTS:
    try:
        ATTEMPTS[name]()
        open_ones.append(name)
    except BaseException as error:
        closed[name] = repr(error)
    threads_end()
print(json.dumps({"open": open_ones, "closed": closed}), file=sys.stderr)
