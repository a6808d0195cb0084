"""An SFTP server of a test's own, an sshd with its own keys, and the words of its client, sshfs."""

import subprocess

from daemons import tool

PORT = 2022
SSHD_CONFIG = """
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PrintMotd no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


class SftpServer:
    """What an sshd at `address` needs, written below `folder`, which is made; starts nothing."""

    needs = ("sshd", "ssh", "ssh-keygen", "sshfs")

    def __init__(self, folder, address):
        self._folder, self._address = folder, address
        folder.mkdir(mode=0o700)
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key],
                           check=True)
        host_key = (folder / "host_key.pub").read_text(encoding="utf-8")
        (folder / "known_hosts").write_text(f"[{address}]:{PORT} {host_key}", encoding="utf-8")
        config = folder / "sshd_config"
        config.write_text(SSHD_CONFIG.format(address=address, port=PORT, folder=folder),
                          encoding="utf-8")
        self.command = (tool("sshd"), "-D", "-e", "-f", config)

    def command_apart(self):
        """The same with a /run of its own, where sshd wants a folder."""
        script = 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"'
        return ("unshare", "--mount", "sh", "-c", script, "sh", *self.command)

    def sshfs_mount(self, export, point):
        return ("sshfs", "-f", "-p", PORT, "-o", ",".join((
            "ssh_command=ssh -F /dev/null", f"IdentityFile={self._folder}/user_key",
            "IdentitiesOnly=yes", f"UserKnownHostsFile={self._folder}/known_hosts",
            "GlobalKnownHostsFile=/dev/null", "BatchMode=yes")),
            f"root@{self._address}:{export}", point)
