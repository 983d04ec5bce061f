"""Where things are. MR_BUILD names another build directory, MR_ARTIFACTS another place for logs;
MR_NGINX, MR_MODULE, MR_WORKER, MR_EMULATOR and MR_BENCH name other binaries, such as those with
sanitizers (then MR_SANITIZED is set)."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MR_BUILD", ROOT / "build")).resolve()
ARTIFACTS = Path(os.environ.get("MR_ARTIFACTS", BUILD / "test-artifacts"))
MODULE = Path(os.environ.get("MR_MODULE", BUILD / "module/ngx_mr_ws_module.so"))
WORKER = Path(os.environ.get("MR_WORKER", BUILD / "mr-worker"))
EMULATOR = Path(os.environ.get("MR_EMULATOR", BUILD / "provider-emulator"))
BENCH = Path(os.environ.get("MR_BENCH", BUILD / "mr-bench"))
MICRO = BUILD / "mr-micro"
NGINX = Path(os.environ.get("MR_NGINX", "/usr/sbin/nginx"))
SANITIZED = "MR_SANITIZED" in os.environ
SLOWNESS = 5 if SANITIZED else 1  # how much longer the harness waits for a program to be there
REDIS = Path("/usr/bin/redis-server")


def require_binaries():
    missing = [str(path) for path in (MODULE, WORKER, NGINX, REDIS) if not path.exists()]
    if missing:
        raise FileNotFoundError(f"{', '.join(missing)} not there: ./mr test builds and installs")
