"""coldload-mpi, and the mpirun that starts its ranks on this machine.

  COLDLOAD_MPIRUN    the mpirun of the MPI that coldload-mpi was built with (default: mpirun)
"""

import functools
import os
import shutil
import subprocess
from pathlib import Path

from harness import COLDLOAD, Probe

COLDLOAD_MPI = Path(COLDLOAD).resolve().parent / "coldload-mpi"
PROGRAM = os.environ.get("COLDLOAD_MPIRUN") or "mpirun"

# Open MPI's daemons look for a place in their address space to share the machine's topology at, and
# crash now and then where that is beside a stack (hwloc_shmem_topology_write). It is not needed.
os.environ.setdefault("OMPI_MCA_rtc_hwloc_vmhole", "none")

# What an mpirun calls itself, and its flags for ranks on one machine. A rank that its neighbours wait
# for gets on, however few processors there are.
OPEN_MPI, MPICH = "Open MPI", "MPICH"
NAMES = {"Open MPI": OPEN_MPI, "OpenRTE": OPEN_MPI, "HYDRA": MPICH}
FLAGS = {OPEN_MPI: ("--allow-run-as-root", "--oversubscribe"), MPICH: ()}


@functools.lru_cache(maxsize=None)
def which_mpi():
    """OPEN_MPI, MPICH, or nothing where there is no mpirun, or another one."""
    if shutil.which(PROGRAM) is None:
        return ""
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=False).stdout
    return next((mpi for name, mpi in NAMES.items() if name in version), "")


MPIRUN = (PROGRAM, *FLAGS.get(which_mpi(), ()))


@functools.lru_cache(maxsize=None)
def has_mpi():
    if not COLDLOAD_MPI.exists():
        return Probe(False, "coldload-mpi was not built: no MPI for C++")
    if not which_mpi():
        return Probe(False, f"needs an mpirun of {' or '.join(FLAGS)}: {PROGRAM} is none")
    # Tried, not guessed: it wants a network interface that is up, for one.
    tried = subprocess.run([*MPIRUN, "-n", "2", "true"], capture_output=True, text=True, check=False)
    return Probe(tried.returncode == 0, f"{PROGRAM} does not work here: {tried.stderr.strip()[-200:]}")


def is_open_mpi():
    return Probe(which_mpi() == OPEN_MPI, "is for Open MPI's mpirun alone")
