"""coldload-mpi, and the mpirun that starts its ranks on this machine."""

import functools
import shutil
import subprocess
from pathlib import Path

from harness import COLDLOAD, Probe

COLDLOAD_MPI = Path(COLDLOAD).resolve().parent / "coldload-mpi"


# A rank that its neighbours wait for gets on, however few processors there are.
MPIRUN = ("mpirun", "--allow-run-as-root", "--oversubscribe")


@functools.lru_cache(maxsize=None)
def has_mpi():
    if not COLDLOAD_MPI.exists():
        return Probe(False, "coldload-mpi was not built: no MPI for C++")
    if shutil.which("mpirun") is None:
        return Probe(False, "needs mpirun")
    version = subprocess.run(["mpirun", "--version"], capture_output=True, text=True, check=False).stdout
    if "Open MPI" not in version:
        return Probe(False, "needs Open MPI's mpirun, whose flags these are")
    # Tried, not guessed: it wants a network interface that is up, for one.
    tried = subprocess.run([*MPIRUN, "-n", "2", "true"], capture_output=True, text=True, check=False)
    return Probe(tried.returncode == 0, f"mpirun does not work here: {tried.stderr.strip()[-200:]}")
