# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named network namespaces as iproute2 keeps them: bind mounts below /run/netns (ip-netns(8)).

Nothing here ever moves the calling thread: what has to happen inside a namespace runs in a thread that entered it
(setns(2) changes one thread only), so that no error can leave the module in the wrong network. Only create() makes
a namespace; a name that is not there is an error everywhere else.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
import struct
import threading
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _namespace_name
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
)

DIRECTORY = "/run/netns"
INITIAL = ""
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_SO_NETNS_COOKIE = 71

if t.TYPE_CHECKING:
    import concurrent.futures

Result = t.TypeVar("Result")


class Worker:
    """Runs functions inside one namespace, one after the other, all in the same thread.

    The same thread, because pyroute2 0.9 and later keep one socket per thread. inode: identifies the namespace.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None
        if namespace == INITIAL:
            self.inode = own_inode()
            return
        import concurrent.futures

        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _syscall

        with _opened(namespace) as descriptor:
            self.inode = os.fstat(descriptor).st_ino
            self._pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix=f"netns-{namespace}")
            try:
                self._pool.submit(_syscall.setns, descriptor, _syscall.CLONE_NEWNET).result()
            except OSError as error:
                self._pool.shutdown()
                raise _refused(f"cannot enter network namespace {namespace!r}", error) from None

    def run(self, function: t.Callable[..., Result], *arguments: t.Any) -> Result:
        if self._pool is None:
            return function(*arguments)
        return self._pool.submit(function, *arguments).result()

    def close(self) -> None:
        """Leave the namespace: a thread in it keeps it alive after its name is gone."""
        if self._pool is not None:
            self._pool.shutdown()


def parse_name(text: t.Any) -> str:
    """A name that iproute2 takes too: one path component. Raises InvalidInput."""
    if not isinstance(text, str):
        raise InvalidInput("is not the name of a network namespace", value=text)
    reason = _namespace_name.why_invalid(text)
    if reason:
        raise InvalidInput(reason, value=str(text), remedy=_namespace_name.REMEDY)
    return str(text)


def names() -> tuple[str, ...]:
    """Every named namespace, sorted. A file without a namespace behind it (a leftover) is not one."""
    with contextlib.suppress(FileNotFoundError):
        return tuple(sorted(entry for entry in os.listdir(DIRECTORY) if _inode(entry) is not None))
    return ()


def exists(name: str) -> bool:
    return name == INITIAL or _inode(name) is not None


def inode(name: str) -> int:
    """The number that tells this namespace from every other one while it lives (namespaces(7))."""
    found = own_inode() if name == INITIAL else _inode(name)
    if found is None:
        raise missing(name)
    return found


def own_inode() -> int:
    return os.stat("/proc/thread-self/ns/net").st_ino


def boot() -> str:
    """Another one after every start of the machine (random(4))."""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
    return ""


def cookie() -> int:
    """Of the calling thread's namespace: unlike an inode, no later namespace gets it again before the next boot.

    Linux 5.14 and later (SO_NETNS_COOKIE in asm-generic/socket.h); before, the inode has to do.
    """
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        return int(struct.unpack("=Q", handle.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8))[0])
    return own_inode()


def missing(name: str) -> HostError:
    remedy = f"create it with `ip netns add {name}` or the module namespace"
    return HostError(f"there is no network namespace {name!r}", remedy=remedy)


def create(name: str) -> None:
    """Make a namespace with its loopback up. Fails where the name is taken."""
    from ansible_collections.cryptokey.wireguard.plugins.module_utils import _syscall

    path = _path(parse_name(name))
    try:
        os.makedirs(DIRECTORY, mode=0o755, exist_ok=True)
        with _locked_directory():
            _share_directory()
            _make_mount_point(path)
    except OSError as error:
        raise _refused(f"cannot create network namespace {name!r}", error) from None
    try:
        _in_thread(_mount_new, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            _syscall.unmount(path)
        os.unlink(path)
        raise _refused(f"cannot create network namespace {name!r}", error) from None


def _make_mount_point(path: str) -> None:
    """A file without a namespace is what a run leaves that was killed in between; it serves as well as a new one."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    except FileExistsError:
        status = os.lstat(path)
        left = stat.S_ISREG(status.st_mode) and status.st_size == 0 and status.st_dev == os.stat(DIRECTORY).st_dev
        if not left:
            raise


def delete(name: str) -> None:
    """Take the name away; the namespace itself ends with its last process or socket. Absent is no error."""
    path = _path(parse_name(name))
    if not os.path.lexists(path):
        return
    from ansible_collections.cryptokey.wireguard.plugins.module_utils import _syscall

    try:
        try:
            _syscall.unmount(path)
        except OSError as error:
            if error.errno != errno.EINVAL:  # EINVAL: nothing is mounted there, only the file is left
                raise
        os.unlink(path)
    except OSError as error:
        raise _refused(f"cannot delete network namespace {name!r}", error) from None


def loopback_is_up(name: str) -> bool:
    worker = Worker(name)
    try:
        return bool(worker.run(_loopback_flags) & _IFF_UP)
    finally:
        worker.close()


def set_loopback_up(name: str) -> None:
    worker = Worker(name)
    try:
        worker.run(_loopback_up)
    except OSError as error:
        raise _refused(f"cannot bring lo of network namespace {name!r} up", error) from None
    finally:
        worker.close()


def processes(name: str) -> tuple[int, ...]:
    """The processes of which a thread is in that namespace, sorted; our own process is not counted."""
    wanted = inode(name)
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid() and wanted in _thread_inodes(entry):
            found.append(int(entry))
    return tuple(sorted(found))


def process_name(pid: int) -> str:
    """What ps calls it; empty where it has ended."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as handle:
        return handle.read().strip()
    return ""


def name_of(number: int) -> str | None:
    """The name of the namespace with that inode; "" for the caller's own, None where no name leads to it."""
    if number == own_inode():
        return INITIAL
    return next((name for name in names() if _inode(name) == number), None)


def _thread_inodes(pid: str) -> set[int]:
    found = set()
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found.add(os.stat(f"/proc/{pid}/task/{thread}/ns/net").st_ino)
    return found


def _path(name: str) -> str:
    return f"{DIRECTORY}/{name}"


def _inode(name: str) -> int | None:
    """None: no such file, or one that is no namespace: all of those live on the nsfs file system."""
    try:
        status = os.stat(_path(parse_name(name)))
    except (OSError, InvalidInput):
        return None
    return status.st_ino if status.st_dev == os.stat("/proc/self/ns/net").st_dev else None


@contextlib.contextmanager
def _opened(name: str) -> t.Iterator[int]:
    if _inode(name) is None:
        raise missing(name)
    descriptor = os.open(_path(name), os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked_directory() -> t.Iterator[None]:
    """iproute2 takes the same lock: two at once would otherwise mount the directory over itself twice."""
    descriptor = os.open(DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _share_directory() -> None:
    """Mounts below it must reach every mount namespace, or a name deleted here stays busy there (ip-netns(8))."""
    from ansible_collections.cryptokey.wireguard.plugins.module_utils import _syscall

    try:
        _syscall.mount("", DIRECTORY, flags=_syscall.MS_SHARED | _syscall.MS_REC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _syscall.mount(DIRECTORY, DIRECTORY, flags=_syscall.MS_BIND | _syscall.MS_REC)
        _syscall.mount("", DIRECTORY, flags=_syscall.MS_SHARED | _syscall.MS_REC)


def _mount_new(path: str) -> None:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils import _syscall

    _syscall.unshare(_syscall.CLONE_NEWNET)
    _loopback_up()
    _syscall.mount(f"/proc/self/task/{threading.get_native_id()}/ns/net", path, flags=_syscall.MS_BIND)


def _in_thread(function: t.Callable[..., Result], *arguments: t.Any) -> Result:
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def _loopback_flags() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        answer = fcntl.ioctl(handle, _SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0))
    return int(struct.unpack("16sH14x", answer)[1])


def _loopback_up() -> None:
    flags = _loopback_flags() | _IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags))


def _refused(what: str, error: OSError) -> HostError:
    remedies = {
        errno.EPERM: "it takes root (CAP_SYS_ADMIN); a container needs --cap-add SYS_ADMIN",
        errno.EACCES: "it takes root",
        errno.EEXIST: "the name is taken",
    }
    return HostError(f"{what}: {error.strerror}", remedy=remedies.get(error.errno or 0, ""), errno=error.errno)
