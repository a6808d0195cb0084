"""What stands where coldload is to write: devices, FIFOs, links of its user, links that others planted."""

import os
import subprocess

from harness import (
    CSV_NAME,
    JSONL_NAME,
    MARKDOWN_NAME,
    SOURCE_DIR,
    ScratchTest,
    is_root,
    needs,
    read_rows,
    run,
    write_checkpoint,
)

RECORDS = SOURCE_DIR / "docs" / "examples" / "native-stand-in" / JSONL_NAME
SOMEBODY = 65534


class Named(ScratchTest):
    """The file that somebody named for a report or a chart."""

    address = ("test_a_device_a_fifo_and_standard_output_are_written_and_stay",)

    def report(self, output, **kw):
        return run(["report", RECORDS, "--output", output], **kw)

    def test_a_device_a_fifo_and_standard_output_are_written_and_stay(self):
        device = self.scratch / "null"
        if os.geteuid() == 0:
            os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
        else:
            device = "/dev/null"
        result = self.report(device)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(os.stat(device).st_mode & 0o020000)
        wanted = RECORDS.with_suffix(".md").read_text(encoding="utf-8").splitlines()[0]
        result = self.report("/dev/stdout")
        self.assertEqual(result.stdout.splitlines()[0], wanted)
        self.assertNotIn("/dev/stdout", result.stdout)
        fifo = self.scratch / "fifo"
        os.mkfifo(fifo)
        with subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE, text=True) as reader:
            self.assertEqual(self.report(fifo).returncode, 0)
            self.assertEqual(reader.communicate(timeout=60)[0].splitlines()[0], wanted)
        self.assertTrue(fifo.is_fifo())

    def test_standard_output_that_is_a_file_keeps_what_it_has(self):
        log = self.scratch / "log"
        log.write_text("before\n", encoding="utf-8")
        with log.open("a", encoding="utf-8") as out:
            self.assertEqual(run(["report", RECORDS, "-o", "/dev/stdout"], stdout=out).returncode, 0)
        self.assertTrue(log.read_text(encoding="utf-8").startswith("before\n#"))

    def test_a_link_of_this_user_leads_to_the_file(self):
        (self.scratch / "elsewhere").mkdir()
        link = self.scratch / "report.txt"
        link.symlink_to("elsewhere/report")
        self.assertEqual(self.report(link).returncode, 0)
        self.assertTrue(link.is_symlink())
        self.assertTrue((self.scratch / "elsewhere" / "report").read_text(encoding="utf-8"))


@needs(is_root())
class Planted(ScratchTest):
    """Links of another user, in a directory where he may write."""

    def setUp(self):
        super().setUp()
        self.theirs = self.scratch / "theirs"
        self.theirs.mkdir()
        os.chown(self.theirs, SOMEBODY, SOMEBODY)
        self.private = self.scratch / "private"
        self.private.write_text("only root's\n", encoding="utf-8")
        self.folder = self.scratch / "folder"
        self.folder.mkdir()

    def plant(self, name, target):
        link = self.theirs / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        os.lchown(link, SOMEBODY, SOMEBODY)
        return link

    def assert_refused(self, result, link):
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(f"{link}: it is a link that another user made (uid {SOMEBODY})", result.stderr)
        self.assertTrue(link.is_symlink())
        self.assertEqual(self.private.read_text(encoding="utf-8"), "only root's\n")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_as_a_report_or_a_chart(self):
        for name in (MARKDOWN_NAME, "storage_layout_bench.html", "storage_layout_bench.svg"):
            with self.subTest(name):
                link = self.plant(name, self.private)
                self.assert_refused(run(["report", RECORDS, "-o", self.theirs / MARKDOWN_NAME]), link)
                link.unlink()
        model = write_checkpoint(self.scratch / "model", shard_bytes=1 << 20)
        link = self.plant("chart.svg", self.private)
        self.assert_refused(run(["floor", model, "--time", "1", "--svg", link]), link)

    def test_a_device_behind_a_link_and_a_fifo_that_nobody_reads(self):
        output = self.theirs / MARKDOWN_NAME
        device = self.scratch / "null"
        os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
        link = self.plant(MARKDOWN_NAME, device)
        self.assert_refused(run(["report", RECORDS, "-o", output]), link)
        link.unlink()
        os.mkfifo(output, 0o666)
        os.chown(output, SOMEBODY, SOMEBODY)
        result = run(["report", RECORDS, "-o", output], timeout=60)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"it is no regular file, and another user made it (uid {SOMEBODY})", result.stderr)

    def test_as_anything_of_the_out_directory(self):
        model = write_checkpoint(self.scratch / "model", shard_bytes=1 << 20)
        measure = ["measure", model, "--runs", "1",
                   "--cold", "best-effort", "--no-floor"]
        for name, target in ((CSV_NAME, self.private), (JSONL_NAME, self.private),
                             ("logs", self.folder)):
            with self.subTest(name):
                link = self.plant(name, target)
                self.assert_refused(run([*measure, "--out", self.theirs]), link)
                link.unlink()
                (self.theirs / CSV_NAME).unlink(missing_ok=True)
                (self.theirs / JSONL_NAME).unlink(missing_ok=True)
        link = self.plant("out", self.folder)
        self.assert_refused(run([*measure, "--out", link]), link)
        result = run([*measure, "--out", self.theirs])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(read_rows(self.theirs))
