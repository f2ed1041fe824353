"""The shared page that tells shim.c, inside one server, what fails, how far its clock is off, and where it dies."""

import ctypes
import functools
import mmap
import os
import pathlib
import shutil
import subprocess
import tempfile

from .registry import Skip


class Page(ctypes.Structure):
    """The same as `struct control` of shim.c."""

    _fields_ = [
        ("clock_seconds", ctypes.c_int64),
        ("sync_error", ctypes.c_int32),
        ("write_error", ctypes.c_int32),
        ("syncs_failed", ctypes.c_int64),
        ("writes_failed", ctypes.c_int64),
        ("remember", ctypes.c_int32),
        ("attached", ctypes.c_int32),
        ("ending", ctypes.c_char * 64),
        ("syncs", ctypes.c_int32),
        ("die_at_sync", ctypes.c_int32),
        ("die_half_way", ctypes.c_int32),
        ("die_at_send", ctypes.c_char * 32),
    ]


LIES = -1
"""A `sync_error`: syncs do nothing and say that all is well."""


BUILT = tempfile.TemporaryDirectory(prefix="faults-shim-")


@functools.cache
def library():
    """Compiles the shim, once a run."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Skip("there is no C compiler for shim.c (Debian: gcc)")
    source, built = pathlib.Path(__file__).with_name("shim.c"), os.path.join(BUILT.name, "shim.so")
    subprocess.run([compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", built, source, "-ldl"], check=True)
    return built


class Shim:
    """One page; every server that is started with `environment` obeys it."""

    def __init__(self, folder):
        path = pathlib.Path(folder) / "faults.page"
        path.write_bytes(bytes(ctypes.sizeof(Page)))
        with path.open("r+b") as file:
            self.page = Page.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(Page)))
        self.environment = {"LD_PRELOAD": library(), "FAULTS_PAGE": str(path)}

    def must_be_attached(self):
        """A statically linked binary takes no shim."""
        if not self.page.attached:
            raise Skip("the binary is linked statically: shim.c cannot get in front of its C library")
