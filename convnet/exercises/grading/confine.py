"""What a student's process may still do, set by itself before it runs a line of the student's (Linux only).

`unshare` has given it its own user, network, process, IPC and mount namespaces: no network device but its own, no
process but itself. Here it makes every file read-only, puts empty folders over all it has no need to see, bounds
memory, processor time, files and processes, and gives up the rights that would undo it. Standard library alone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
from collections.abc import Iterable

SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc", "/dev", "/proc", "/sys")
PLACES = ("/tmp", "/var/tmp", "/mnt", "/media", "/srv", "/opt", "/home")
RDONLY, NOSUID, NODEV, BIND, PRIVATE, RECURSIVE = 1, 2, 4, 4096, 1 << 18, 1 << 14
MOUNT_SETATTR, AT_RECURSIVE, ATTR_RDONLY = 442, 0x8000, 1  # one number on every processor
PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, SIGKILL = 38, 1, 22, 24, 9
CAPABILITIES = 64

# system calls: fork, vfork, clone, clone3; what makes sockets, mounts, namespaces, or looks into processes
CALLS = {
    "x86_64": {
        "audit": 0xC000003E,
        "clone": 56,
        "clone3": 435,
        "refused": (57, 58, 41, 53, 165, 166, 272, 308, 155, 101, 310, 311, 425, 321, 250, 442, 428, 429),
    },
    "aarch64": {
        "audit": 0xC00000B7,
        "clone": 220,
        "clone3": 435,
        "refused": (198, 199, 40, 39, 97, 268, 41, 117, 270, 271, 425, 280, 219, 442, 428, 429),
    },
}
libc = ctypes.CDLL(None, use_errno=True)


def confine(keep: Iterable[str], hide: Iterable[str], limits: dict[str, int]) -> str:
    """Confine this process: it sees the system and `keep`, without `hide`. Return the only folder it may write in."""
    _call("prctl", libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
    mount(None, "/", None, PRIVATE | RECURSIVE)
    _read_only()
    for path in hide:
        cover(path)
    kept = {os.path.realpath(path) for path in (*SYSTEM, *keep) if os.path.exists(path)}
    cover_all_but("/", kept)
    folder = choose_folder(kept)
    mount("tmpfs", folder, "tmpfs", NOSUID | NODEV, f"size={limits['files']},mode=0700")
    bound(limits)
    give_up_rights()
    filter_calls()
    return folder


def choose_folder(kept: set[str]) -> str:
    """Return a folder that can be covered: none that is kept, or leads to one that is."""
    for path in PLACES:
        real = os.path.realpath(path)
        if os.path.isdir(path) and not any(k == real or k.startswith(real + "/") for k in kept):
            return path
    raise OSError(errno.ENOENT, f"no folder to work in among {', '.join(PLACES)}")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Mount, or change a mount; OSError if the system refuses."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    _call(f"mount {target}", libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]))


def _call(what: str, result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _read_only() -> None:
    attributes = struct.pack("<QQQQ", ATTR_RDONLY, 0, 0, 0)
    _call("mount_setattr", libc.syscall(MOUNT_SETATTR, -100, b"/", AT_RECURSIVE, attributes, len(attributes)))


def cover(path: str) -> None:
    """Put an empty folder, or an empty file, in the place of a path; nothing if there is none."""
    if os.path.islink(path) or not os.path.exists(path):
        return
    if os.path.isdir(path):
        mount("tmpfs", path, "tmpfs", NOSUID | NODEV | RDONLY, "size=4k,mode=0555")
    else:
        mount("/dev/null", path, None, BIND)


def cover_all_but(folder: str, keep: set[str]) -> None:
    """Cover every entry of a folder that is not kept, and does not lead to one that is."""
    for entry in sorted(os.listdir(folder)):
        path = os.path.join(folder, entry)
        if os.path.islink(path) or path in keep:
            continue
        inside = any(kept.startswith(path + "/") for kept in keep)
        if inside and os.path.isdir(path):
            cover_all_but(path, keep)
        else:
            cover(path)


def bound(limits: dict[str, int]) -> None:
    """Bound memory, processor time and files."""
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits["seconds"],
        resource.RLIMIT_AS: limits["memory"],
        resource.RLIMIT_FSIZE: limits["files"],
        resource.RLIMIT_NOFILE: 64,
    }
    for kind, most in bounds.items():
        resource.setrlimit(kind, (most, most))


def give_up_rights() -> None:
    """Drop every capability, for good: what was mounted cannot be unmounted."""
    _call("prctl", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    for capability in range(CAPABILITIES):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # those that this kernel does not know are refused
    header, nothing = struct.pack("<II", 0x20080522, 0), bytes(24)
    _call("capset", libc.capset(header, nothing))


def filter_calls() -> None:
    """Refuse new processes (threads are allowed), sockets, mounts and namespaces, by a filter of system calls."""
    calls = CALLS.get(platform.machine())
    if calls is None:
        raise OSError(errno.ENOSYS, f"no filter of system calls for {platform.machine()}")
    refuse, no_such, allow = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS, 0x7FFF0000
    kill, thread, x32 = 0x80000000, 0x00010000, 0x40000000
    refused: tuple[int, ...] = calls["refused"]  # type: ignore[assignment]
    program = [
        (0x20, 0, 0, 4),  # the processor's name
        (0x15, 1, 0, calls["audit"]),
        (0x06, 0, 0, kill),
        (0x20, 0, 0, 0),  # the call's number
        (0x35, 0, 1, x32),
        (0x06, 0, 0, kill),
        (0x15, 0, 1, calls["clone3"]),
        (0x06, 0, 0, no_such),  # the C library then takes clone, whose flags can be seen
        *(step for number in refused for step in ((0x15, 0, 1, number), (0x06, 0, 0, refuse))),
        (0x15, 0, 3, calls["clone"]),
        (0x20, 0, 0, 16),  # its flags
        (0x45, 1, 0, thread),
        (0x06, 0, 0, refuse),
        (0x06, 0, 0, allow),
    ]
    code = b"".join(struct.pack("<HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code)
    head = struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(buffer))
    _call("seccomp", libc.prctl(PR_SET_SECCOMP, 2, head, 0, 0))
