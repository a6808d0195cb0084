#!/usr/bin/env python3
"""Each lint finds a planted violation at its line, and passes the honest control: a lint that
cannot fail says nothing."""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

LINTS = Path(__file__).resolve().parent
HEADER = "// What it is.\n//\n// Layer: {folder}. Pure.\n#pragma once\n\n{body}\n"


class Lint(unittest.TestCase):
    """A fixture tree in a temporary folder, outside any checkout."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="coldload-lint-")
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name)
        self.write("src/os/fd.h", HEADER.format(folder="os", body="int fd();"))

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def lint(self, name, *flags):
        result = subprocess.run(
            [sys.executable, "-B", str(LINTS / f"{name}.py"), "--root", str(self.root), *flags],
            capture_output=True, text=True)
        if result.returncode == 77:
            self.skipTest(result.stdout.strip())
        return result.returncode, result.stdout + result.stderr

    def assert_clean(self, name, *flags):
        code, output = self.lint(name, *flags)
        self.assertEqual(code, 0, output)

    def assert_found(self, expected, name, *flags):
        code, output = self.lint(name, *flags)
        self.assertEqual(code, 1, output)
        self.assertIn(expected, output)
        return output

    def write_build(self, *names):
        """A compile_commands.json as CMake writes it, for the .cc files named."""
        entries = [
            {"directory": str(self.root), "file": str(self.root / name),
             "command": f"/usr/bin/ccache g++ -std=c++20 -Wall -I{self.root}/src -MD -MT x.o -MF "
                        f"x.d -o x.o -c {self.root / name}"} for name in names]
        self.write("build/compile_commands.json", json.dumps(entries))
        return "--build", str(self.root / "build")


class IncludeDirection(Lint):
    def setUp(self):
        super().setUp()
        self.house("os", "text", "storage KNOWS os text LINKS coldload::crypto", "cli TOGETHER\n  KNOWS os storage")
        for folder, known in (("storage", "os"), ("storage", "text"), ("cli", "os"), ("cli", "storage")):
            self.includes(f"src/{folder}/uses_{known}.cc", f"{known}/x.h")

    def house(self, *folders):
        """src/CMakeLists.txt, with coldload_library(...) of each of `folders`."""
        self.write("src/CMakeLists.txt", "function(coldload_library folder)\nendfunction()\n\n" +
                   "".join(f"coldload_library({words})\n" for words in folders))

    def includes(self, file, target):
        self.write(file, f'#include "{target}"\n')

    def test_known_folders_and_the_own_are_allowed(self):
        self.includes("src/os/a.cc", "os/fd.h")
        self.includes("src/main.cc", "cli/dispatch.h")
        self.write("src/storage/a.cc", "#include <vector>\n#include <sys/stat.h>\n")
        self.assert_clean("include_direction")

    def test_upward_is_found(self):
        self.write("src/os/a.cc", '// one\n#include "storage/page_cache.h"\n')
        output = self.assert_found("src/os/a.cc:2:", "include_direction")
        self.assertIn("os/ points up to storage/", output)

    def test_a_folder_beside_it_is_found(self):
        self.includes("src/text/a.h", "os/fd.h")
        output = self.assert_found("src/text/a.h:1:", "include_direction")
        self.assertIn("text/ does not know os/", output)

    def test_what_a_known_folder_knows_is_not_known_by_that(self):
        self.includes("src/cli/a.cc", "text/x.h")  # storage/, which cli/ knows, does
        self.assert_found("src/cli/a.cc:1:", "include_direction")

    def test_main_knows_cli_alone(self):
        self.includes("src/main.cc", "os/fd.h")
        self.assert_found("src/main.cc:1:", "include_direction")

    def test_angle_brackets_hide_nothing(self):
        self.write("src/os/a.cc", "#include <storage/x.h>\n")
        self.write("src/storage/x.h", "")
        self.assert_found("src/os/a.cc:1:", "include_direction")

    def test_an_unknown_folder_is_found(self):
        self.write("src/utils/a.cc", "")
        self.assert_found("src/utils/a.cc:1:", "include_direction")

    def test_an_include_of_an_unknown_folder_is_found(self):
        self.includes("src/os/a.cc", "boost/json.hpp")
        output = self.assert_found("src/os/a.cc:1:", "include_direction")
        self.assertIn("system and library headers take <>", output)

    def test_a_name_without_its_folder_is_found(self):
        self.includes("src/os/a.cc", "fd.h")
        self.assert_found("src/os/a.cc:1:", "include_direction")

    def test_a_folder_that_is_known_and_not_used_is_found(self):
        (self.root / "src/storage/uses_text.cc").unlink()
        self.assert_found("storage/ knows text/ and includes nothing of it", "include_direction")

    def test_a_folder_that_is_declared_too_late_is_found(self):
        self.house("os", "storage KNOWS os text", "text", "cli KNOWS os storage")
        self.assert_found("storage/ knows text/, which is not declared before it",
                          "include_direction")


class Headers(Lint):
    def setUp(self):
        super().setUp()
        self.write("src/os/fd.cc", '#include "os/fd.h"\n')
        self.flags = self.write_build("src/os/fd.cc")

    def test_a_whole_header_is_clean(self):
        self.assert_clean("headers", *self.flags)

    def test_a_header_that_leans_on_its_includer_is_found(self):
        self.write("src/os/b.h", HEADER.format(folder="os", body="std::string b();"))
        self.assert_found("src/os/b.h:6", "headers", *self.flags)

    def test_of_files_that_are_compiled_together_the_first_alone_shows_its_header(self):
        for name in ("a", "b"):
            self.write(f"src/os/{name}.h", HEADER.format(folder="os", body=f"std::string {name}();"))
            self.write(f"src/os/{name}.cc", f'#include "os/{name}.h"\n')
        unit = self.write("build/Unity/unit.cxx", "".join(
            f'#include "{self.root}/src/os/{name}.cc"\n' for name in ("a", "b")))
        flags = self.write_build(str(unit.relative_to(self.root)))
        output = self.assert_found("src/os/b.h:6", "headers", *flags)
        self.assertNotIn("a.h", output)

    def test_a_change_below_is_seen_after_a_pass(self):
        self.write("src/os/b.h", HEADER.format(folder="os", body='#include "os/fd.h"\nint b(Fd);'))
        self.write("src/os/fd.h", HEADER.format(folder="os", body="class Fd;"))
        self.assert_clean("headers", *self.flags)
        self.write("src/os/fd.h", HEADER.format(folder="os", body="class Other;"))
        self.assert_found("src/os/b.h:7", "headers", *self.flags)

    def header(self, name, body):
        self.write(f"src/os/{name}.h", HEADER.format(folder="os", body=body))

    def test_headers_that_are_read_in_turn_lean_on_none_before(self):
        # c and d see a, and are read after it in one call; not so e.
        self.header("a", "struct A {};")
        self.header("b", "struct B {};")
        self.header("c", '#include "os/a.h"\n#include "os/b.h"\n\nstruct C { A a; B b; };')
        self.header("d", '#include "os/c.h"\n\nstruct D { A a; };')
        self.header("e", '#include "os/b.h"\n\nstruct E { B b; };')
        self.assert_clean("headers", *self.flags)
        shutil.rmtree(self.root / ".cache")  # or e alone is read
        self.header("e", '#include "os/b.h"\n\nstruct E { A a; };')
        output = self.assert_found("src/os/e.h:8", "headers", *self.flags)
        self.assertEqual(output.count("not self-contained"), 1, output)
        shutil.rmtree(self.root / ".cache")
        self.header("c", '#include "os/b.h"\n\nstruct C { A a; B b; };')
        self.assert_found("src/os/c.h:8", "headers", *self.flags)

    def test_what_a_header_sees_after_its_text_is_not_there_before(self):
        self.header("a", "#include <string>\n\nstd::string a();")
        self.header("b", 'std::string b();\n#include "os/a.h"')
        self.assert_found("src/os/b.h:6", "headers", *self.flags)

    def test_what_a_header_may_see_is_not_there(self):
        self.header("a", "struct A {};")
        self.header("b", '#ifdef NEVER\n#include "os/a.h"\n#endif')
        self.header("c", '#include "os/b.h"\n\nA c();')
        self.assert_found("src/os/c.h:8", "headers", *self.flags)

    def test_headers_in_a_circle_lean_on_none_before(self):
        self.header("a", '#include "os/b.h"\n\nstruct A {};')
        self.header("b", '#include "os/a.h"\n\nA b();')
        self.assert_found("src/os/b.h:8", "headers", *self.flags)

    def test_a_library_header_that_needs_another_is_not_read_after_it_by_chance(self):
        self.write("libraries/first.h", "#pragma once\nusing First = int;\n")
        self.write("libraries/second.h", "#pragma once\nFirst second();\n")
        self.header("a", "#include <first.h>\n\nFirst a();")
        self.header("b", '#include <second.h>\n\n#include "os/a.h"\n\nFirst b();')
        build = self.root / "build" / "compile_commands.json"
        build.write_text(build.read_text().replace("-MD", f"-isystem {self.root}/libraries -MD"))
        self.assert_found("second.h:2", "headers", *self.flags)

    def test_what_is_compiled_once_for_many_is_lent_to_none_that_does_not_see_it(self):
        for number in range(4):
            self.header(f"x{number}", f"#include <map>\n#include <string>\n#include <thread>\n\n"
                        f"std::map<int, std::string> x{number}();")
        self.header("y", "#include <string>\n\nstd::map<int, std::string> y();")
        output = self.assert_found("src/os/y.h:8", "headers", *self.flags)
        self.assertEqual(output.count("not self-contained"), 1, output)

    def test_missing_words_are_found(self):
        self.write("src/os/b.h", "int b();\n")
        output = self.assert_found("#pragma once", "headers", *self.flags)
        self.assertIn("Layer: os.", output)


class Format(Lint):
    def test_badly_formatted_code_is_found(self):
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.assert_clean("clang_format")
        self.write("src/os/a.cc", "int a(  ) ;\n")
        self.assert_found("src/os/a.cc:1:", "clang_format")

    def test_of_several_files_each_is_named_once(self):
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.write("src/os/a.cc", "int a(  ) ;\nint b(  ) ;\n")
        self.write("src/os/b.cc", "int b();\n")
        self.write("src/os/c.cc", "\nint c(  ) ;\n")
        output = self.assert_found("src/os/a.cc:1:", "clang_format")
        self.assertIn("src/os/c.cc:2:", output)
        self.assertIn("clang-format: 2 problem(s)", output)


class Tidy(Lint):
    def setUp(self):
        super().setUp()
        self.write(".clang-tidy", (LINTS.parents[1] / ".clang-tidy").read_text(encoding="utf-8"))

    def test_good_code_is_clean(self):
        self.write("src/os/a.cc", "int area(int width) { return width * width; }\n")
        self.assert_clean("clang_tidy", *self.write_build("src/os/a.cc"))

    def test_a_bug_and_a_wrong_name_are_found(self):
        self.write("src/os/a.cc", "#include <string>\n#include <utility>\n"
                   "std::size_t MovedFrom(std::string text) {\n"
                   "  std::string other = std::move(text);\n"
                   "  return text.size() + other.size();\n}\n")
        output = self.assert_found("bugprone-use-after-move", "clang_tidy",
                                   *self.write_build("src/os/a.cc"))
        self.assertIn("src/os/a.cc:5:", output)
        self.assertIn("readability-identifier-naming", output)

    def test_a_bug_in_a_header_is_found(self):
        self.write("src/os/b.h", HEADER.format(folder="os", body="struct B { int* p = 0; };"))
        self.write("src/os/a.cc", '#include "os/b.h"\n')
        self.assert_found("src/os/b.h:6:", "clang_tidy", *self.write_build("src/os/a.cc"))

    def test_an_anonymous_namespace_in_a_header_is_found(self):
        # The compiler would say so, too, but not where it reads files of a folder together.
        self.write("src/os/b.h", HEADER.format(
            folder="os", body="namespace {\nstruct A {};\n}\nstruct B { A a; };"))
        self.write("src/os/a.cc", '#include "os/b.h"\n')
        self.assert_found("cert-dcl59-cpp", "clang_tidy", *self.write_build("src/os/a.cc"))

    def test_files_that_are_checked_together_are_judged_alone(self):
        # Indented, so that it is only seen when the two meet in one unit.
        twice = "namespace {\n int twice(int x) { return 2 * x; }\n}\n"
        self.write("src/os/a.cc", twice + "int four(int x) { return twice(twice(x)); }\n")
        self.write("src/os/b.cc", twice + "int six(int x) { return twice(3 * x); }\n")
        build = self.write_build("src/os/a.cc", "src/os/b.cc")
        self.assert_clean("clang_tidy", *build)
        self.write("src/os/b.cc", twice + "int Six(int x) { return twice(3 * x); }\n")
        output = self.assert_found("src/os/b.cc:4:", "clang_tidy", *build)
        self.assertNotIn("a.cc", output)

    def test_a_file_that_nothing_compiles_is_found(self):
        self.write("src/os/a.cc", "")
        self.assert_found("src/os/a.cc:1:", "clang_tidy", *self.write_build())


class Shell(Lint):
    def test_scripts_are_found_by_their_first_line(self):
        self.write("script/good", '#!/usr/bin/env bash\necho "$1"\n')
        self.write("notes", "echo $unquoted is no script\n")
        self.assert_clean("shell_scripts")
        self.write("script/bad", "#!/bin/sh\nrm -r $1/*\n")
        self.assert_found("script/bad:2:", "shell_scripts")


class Cppcheck(Lint):
    def test_what_a_path_through_a_function_does_wrong_is_found(self):
        self.write("src/os/a.cc", "int f(const int* p) {\n  if (p == nullptr) return 0;\n"
                                  "  return *p;\n}\n")
        self.assert_clean("cppcheck")
        self.write("src/os/a.cc", "int f(const int* p) {\n  if (p == nullptr) return *p;\n"
                                  "  return 0;\n}\n")
        self.assert_found("src/os/a.cc:2:", "cppcheck")


class FileSizes(Lint):
    def test_a_long_file_is_found(self):
        self.write("src/os/a.cc", "\n" * 400)
        self.assert_clean("file_sizes")
        self.write("src/os/a.cc", "\n" * 401)
        self.assert_found("src/os/a.cc:401:", "file_sizes")


class Links(Lint):
    def test_that_lead_nowhere_are_found(self):
        self.write("docs/a.md", "# A head: line\n\n[b](b.md) [x](https://x.org/none)\n```\n[c](c.md)\n```\n")
        self.assert_found("docs/a.md:3: leads nowhere: b.md", "links")
        self.write("docs/b.md", "# B\n\n[a](a.md#a-head-line)\n[a](a.md#none)\n![p](<p q.svg>)\n")
        output = self.assert_found("docs/b.md:4: there is no such heading: a.md#none", "links")
        self.assertIn("docs/b.md:5: leads nowhere: p q.svg", output)
        self.assertNotIn("b.md:3", output)

    def test_that_lead_somewhere_are_not(self):
        self.write("docs/a.md", "# A\n\n[a](#a) [b](../README.md)\n")
        self.write("README.md", "[a](docs/a.md#a) [docs](docs)\n")
        self.assert_clean("links")


class MachinePaths(Lint):
    def test_places_of_people_and_builds_are_found(self):
        for place in ("/home/ann/models", "/work/main/x", "/Users/ann/x", "/root/models"):
            self.write("docs/a.md", f"first\nrun {place} now\n")
            self.assert_found("docs/a.md:2:", "machine_paths")

    def test_the_checkout_itself_is_found(self):
        self.write("results.csv", f"1,nvme,path={self.root}/model\n")
        self.assert_found("results.csv:1:", "machine_paths")

    def test_examples_are_allowed(self):
        self.write("docs/a.md", "/mnt/nvme/model ~/work/x /home/user/x /root/.cache/huggingface\n")
        self.assert_clean("machine_paths")


class Console(Lint):
    def test_whatever_writes_past_the_gate_is_found(self):
        for line in ('fmt::print("{}", name);', 'std::fputs(name, stdout);', "std::cerr << name;",
                     'printf("%s", name);', "::write(STDOUT_FILENO, text, 1);",
                     "os::write_standard_error(name);", "print_err(fmt::runtime(name));"):
            self.write("src/cli/a.cc", f"// first\n{line}\n")
            self.assert_found("src/cli/a.cc:2:", "console")

    def test_the_gate_and_questions_are_allowed(self):
        self.write("src/cli/console.h", "os::write_standard_output(text);\n")
        self.write("src/cli/a.cc", 'print_out("{}", name);  // to stdout\n'
                   'isatty(STDERR_FILENO);\noptions.stdout_fd = 1;\nstd::snprintf(a, 1, "");\n'
                   'words("--merge-stderr-to-stdout");\n')
        self.assert_clean("console")


class Guarantees(Lint):
    def test_each_test_that_is_named_is_there(self):
        self.write("tests/unit/os/fd_test.cc", "TEST(Fd, Closes) {\n}\n")
        self.write("tests/system/test_stage.py", "class Ends:\n    def test_one(self):\n        pass\n")
        self.write("docs/guarantees.md", "| a | `unit.os.Fd`, `system.test_stage.Ends.test_one` |\n")
        self.assert_clean("guarantees")
        for name in ("unit.os.F", "unit.os.Fd.Opens", "system.test_stage.Ends.test_two", "lint.nothing"):
            with self.subTest(name):
                self.write("docs/guarantees.md", f"a\n| b | `unit.os.Fd`, `{name}` |\n")
                self.assert_found(f"docs/guarantees.md:2: there is no test {name}", "guarantees")


class SystemTestLister(Lint):
    """tests/system/list_tests.py decides which system tests exist at all."""

    def list_tests(self, text):
        path = self.write("test_x.py", text)
        lister = LINTS.parent / "system" / "list_tests.py"
        return subprocess.run([sys.executable, "-B", str(lister), str(path)], check=False,
                              capture_output=True, text=True)

    def test_every_method_is_listed_once_with_its_time_and_builds(self):
        listed = self.list_tests(
            "class _Base:\n  timeout_s = 300\n  def test_a(self): pass\n"
            "class B(_Base):\n  address = True\n  def test_b(self): pass\n  def helper(self): pass\n"
            "class C:\n  alone = True\n  def test_c(self): pass\n"
            "class D(_Base):\n  threads = True\n  timeout_s = 9\n")
        self.assertEqual(listed.stdout.split(), [
            "test_x;B;test_a;300;address;beside", "test_x;B;test_b;300;address;beside",
            "test_x;C;test_c;120;release;alone", "test_x;D;test_a;9;all;beside"])

    def test_an_attribute_may_name_the_tests_that_it_is_for(self):
        methods = "".join(f"  def test_{name}(self): pass\n" for name in "abc")
        listed = self.list_tests(f"class A:\n  address = ('test_a', 'test_b')\n"
                                 f"  threads = 'test_b'\n  alone = ['test_c']\n{methods}")
        self.assertEqual(listed.stdout.split(), [
            "test_x;A;test_a;120;address;beside", "test_x;A;test_b;120;all;beside",
            "test_x;A;test_c;120;release;alone"])

    def test_a_test_that_is_named_and_not_there_is_an_error(self):
        listed = self.list_tests("class A:\n  threads = ('test_gone',)\n  def test_a(self): pass\n")
        self.assertEqual(listed.returncode, 1)
        self.assertIn("A has no test_gone", listed.stderr)


class Tally(Lint):
    """tests/tally.py decides whether a test run was green."""

    def tally(self, *cases):
        path = self.write("tests.xml", "<testsuite>" + "".join(cases) + "</testsuite>")
        script = LINTS.parent / "tally.py"
        result = subprocess.run([sys.executable, "-B", str(script), f"release={path}",
                                 *self.more], capture_output=True, text=True)
        return result.returncode, result.stdout

    more = ()
    PASSED = '<testcase name="a" status="run"/>'
    FAILED = ('<testcase name="b" status="fail"><failure message=""/>'
              "<system-out>it began\nx is 3 and should be 4\n</system-out></testcase>")
    SKIPPED = ('<testcase name="c" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>'
               "<system-out>SKIP: needs root</system-out></testcase>")
    NOT_RUN = ('<testcase name="d" status="notrun"><skipped message="Unable to find executable"/>'
               "</testcase>")

    def test_the_last_line_counts_everything(self):
        code, output = self.tally(self.PASSED, self.PASSED, self.SKIPPED)
        self.assertEqual(code, 0)
        self.assertEqual(output.splitlines()[-1], "2 passed, 0 failed, 1 skipped")
        self.assertIn("release: c: needs root", output)

    def test_failures_and_tests_that_could_not_run_are_failures(self):
        code, output = self.tally(self.PASSED, self.FAILED, self.NOT_RUN)
        self.assertEqual(code, 1)
        self.assertEqual(output.splitlines()[-1], "1 passed, 2 failed, 0 skipped")
        self.assertIn("FAILED   release: b\n    it began\n    x is 3 and should be 4\n", output)

    def test_a_run_without_results_is_a_failure(self):
        self.more = (f"asan={self.root}/missing.xml",)
        code, output = self.tally(self.PASSED)
        self.assertEqual(code, 1)
        self.assertIn("1 passed, 1 failed", output)

    def test_nothing_run_is_no_success(self):
        self.assertEqual(self.tally()[0], 1)


if __name__ == "__main__":
    unittest.main()
