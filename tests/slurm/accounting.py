"""Accounting for the test cluster: a mariadbd and a slurmdbd of its own, in the cluster's folder.

The database listens on a socket only, and asks nobody for a password.
"""

import os
import shutil
import subprocess
from pathlib import Path

PROGRAMS = ("mariadbd", "mariadb-install-db", "my_print_defaults", "slurmdbd", "sacctmgr", "sacct")
ACCOUNT = "birds"

_DATABASE = "innodb-buffer-pool-size=64M", "innodb-log-file-size=16M", "innodb-flush-log-at-trx-commit=0"

_CONFIG = """
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser={user}
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
"""

_SETTING = """AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.socket"""


def setting(folder: Path, port: int | None) -> str:
    """What slurm.conf says; without a port of slurmdbd, that there is no accounting."""
    return (
        "AccountingStorageType=accounting_storage/none" if port is None else _SETTING.format(folder=folder, port=port)
    )


def entries(user: str) -> list[list[str]]:
    """What ``sacctmgr`` adds to a new database: the cluster, and an account of the user."""
    return [
        ["cluster", "varireal"],
        ["account", ACCOUNT, "Description=test", "Organization=test"],
        ["user", user, f"Account={ACCOUNT}", f"DefaultAccount={ACCOUNT}"],
    ]


def prepare(folder: Path, user: str, port: int) -> None:
    """Write the configuration of slurmdbd and the tables that a new database starts with."""
    config = folder / "slurmdbd.conf"
    config.touch(mode=0o600)  # slurmdbd takes no other
    config.write_text(_CONFIG.format(folder=folder, user=user, port=port))
    subprocess.run(
        [
            *("mariadb-install-db", "--no-defaults", f"--user={user}", f"--datadir={folder}/database"),
            *("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"),
        ],
        check=True,
        capture_output=True,
        env=_environment(),
    )


def database_socket(folder: Path) -> Path:
    """Where the database listens."""
    return folder / "database.socket"


def database_command(folder: Path, user: str) -> list[str]:
    """The command that runs the database."""
    program = shutil.which("mariadbd", path=_environment()["PATH"]) or "mariadbd"
    return [
        *(program, "--no-defaults", f"--user={user}", f"--datadir={folder}/database"),
        *(f"--socket={database_socket(folder)}", f"--pid-file={folder}/mariadbd.pid"),
        *("--skip-networking", "--skip-grant-tables", *(f"--{option}" for option in _DATABASE)),
    ]


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))}
