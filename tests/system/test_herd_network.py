"""A herd on a real network: every node a client of one SSH server with a link of its own, through a
bridge; the links and the server's are of known rates, and so is the number of nodes from which on
they wait for each other."""

import re
import subprocess
import unittest

from daemons import die_with_the_test, end, has_tools, tool
from far_machine import FAR, FarMachineTest, call, can_link
from harness import (MARKDOWN_NAME, ScratchTest, can_evict, has_fuse, is_root, needs, read_records,
                     write_checkpoint)
from mpi import COLDLOAD_MPI, MPIRUN, has_mpi
from sftp_server import PORT, SftpServer

NODES = 4
MB = 1_000_000
OF_SERVER, OF_NODE = 2 * MB, MB  # bytes per second
SHARD_BYTES = 3 * MB


def shaped(bytes_per_s):
    return f"tbf rate {bytes_per_s * 8}bit burst 16kb latency 400ms"


@needs(is_root(), has_fuse(), can_link(), has_tools(*SftpServer.needs), has_mpi(), can_evict())
class BehindOneServer(FarMachineTest, ScratchTest):
    timeout_s = 300
    alone = True
    rate_bytes_per_s = OF_SERVER

    def setUp(self):
        super().setUp()
        write_checkpoint(self.scratch / "export" / "model", shards=2, shard_bytes=SHARD_BYTES)
        server = SftpServer(self.scratch / "ssh", FAR)
        self.wait_for_port(PORT, self.start_there("sshd", *server.command), "sshd")
        # The server's link, which the mixin made, becomes a port of a bridge. A queue that never
        # runs empty, and Reno at its end: so clients get equal shares of it, and all of it.
        call("ip", "address", "flush", "dev", "near")
        call("ip", "link", "add", "bridge", "type", "bridge")
        call("ip", "link", "set", "near", "master", "bridge")
        call("ip", "link", "set", "bridge", "up")
        there = f"--net=/proc/{self._holder.pid}/ns/net"
        call("nsenter", there, *f"tc qdisc replace dev far root {shaped(OF_SERVER)}".split())
        call("nsenter", there, "sh", "-c", "echo reno >/proc/sys/net/ipv4/tcp_congestion_control")
        nodes = [self.add_node(rank) for rank in range(NODES)]
        for rank, node in enumerate(nodes):
            mount = self.scratch / f"net{rank}"
            mount.mkdir()
            self.mount_here(mount, "nsenter", f"--net=/proc/{node}/ns/net",
                            *server.sshfs_mount(self.scratch / "export", mount))

    def add_node(self, rank):
        """A network namespace with a link to the bridge; the process that holds it."""
        holder = subprocess.Popen([tool("unshare"), "--net", "sh", "-c", "echo up; exec sleep infinity"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                  preexec_fn=die_with_the_test)
        self.addCleanup(end, holder)
        self.assertEqual(holder.stdout.readline(), "up\n")
        port, inside = f"port{rank}", f"--net=/proc/{holder.pid}/ns/net"
        call("ip", "link", "add", port, "type", "veth", "peer", "name", "node", "netns", holder.pid)
        call("ip", "link", "set", port, "master", "bridge", "up")
        call(*f"tc qdisc add dev {port} root {shaped(OF_NODE)}".split())
        for command in (f"ip address add 10.77.0.{10 + rank}/24 dev node", "ip link set node up"):
            call("nsenter", inside, *command.split())
        return holder.pid

    def test_the_knee_is_where_the_links_put_it(self):
        out = self.scratch / "out"
        done = subprocess.run(
            [*MPIRUN, "-n", str(NODES), str(COLDLOAD_MPI), "--path", f"net={self.scratch}/net{{rank}}/model",
             "--sizes", "1,4", "--runs", "3", "--out", str(out)],
            capture_output=True, text=True, timeout=self.timeout_s - 60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        for record in read_records(out):
            self.assertEqual(record["cold"], "verified", record["reason"])
        report = (out / MARKDOWN_NAME).read_text(encoding="utf-8")
        found = re.search(r"The storage gives ([\d.]+) MB/s in all and one node ([\d.]+) kB/s", report)
        self.assertIsNotNone(found, report)
        of_server, of_node = float(found[1]) * MB, float(found[2]) * 1000
        # Headers of packets, and those of SSH, take their share of each link.
        self.assertLess(of_server, OF_SERVER)
        self.assertLess(of_node, OF_NODE)
        self.assertAlmostEqual(of_server / of_node, OF_SERVER / OF_NODE, delta=0.1 * OF_SERVER / OF_NODE,
                               msg=report)


if __name__ == "__main__":
    unittest.main()
