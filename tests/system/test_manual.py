"""Man pages and completions say what the help says, and the programs that read them find no fault."""

import re
import subprocess
from pathlib import Path

from harness import COLDLOAD, Probe, ScratchTest, environment, has_command, needs, plain_build, run

SHARE = Path(COLDLOAD).resolve().parent / "share"
PAGES = SHARE / "man" / "man1"


def output(*command, **kw):
    """Standard output and error of a command, and its exit code."""
    result = subprocess.run([str(word) for word in command], text=True, capture_output=True, check=False,
                            stdin=subprocess.DEVNULL, timeout=60, **kw)
    return result.stdout, result.stderr, result.returncode


def help_of(*words):
    return run([*words, "--help"]).stdout


def commands_in(text):
    """Of a help's list of commands: two blanks, the name, its summary. (Examples begin so, too.)"""
    return [name for name in re.findall(r"^  ([a-z][a-z-]*) +\S", text, re.MULTILINE)
            if name != "coldload"]


def flags_in(text):
    """The flags that a help lists, each at the start of its line."""
    lines = re.findall(r"^ +((?:-\w, ?)?--[\w-]+|-\w)(?= |=|$)", text, re.MULTILINE)
    return {name for line in lines for name in re.split(r", ?", line)}


def described_commands():
    """{"compare": flags, "cache": flags, "cache show": flags, ...}, as the help has them."""
    found = {}
    for name in commands_in(help_of()):
        text = help_of(name)
        found[name] = flags_in(text)
        for part in commands_in(text):
            found[f"{name} {part}"] = flags_in(help_of(name, part))
    return found


@needs(plain_build())
class FromTheHelp(ScratchTest):
    def setUp(self):
        super().setUp()
        self.commands = described_commands()
        self.assertLess({"compare", "run", "cache show", "completions"}, set(self.commands))
        self.assertLess({"-r", "--runs", "--path", "--dry-run"}, self.commands["compare"])

    def test_each_command_and_flag_is_in_the_man_pages(self):
        main = (PAGES / "coldload.1").read_text(encoding="utf-8")
        for name, flags in self.commands.items():
            page = (PAGES / f"coldload-{name.split()[0]}.1").read_text(encoding="utf-8")
            if " " not in name:
                self.assertIn(f"coldload\\-{name} (1)", main)
            page = page.replace("\\-", "-")
            self.assertIn(f"coldload {name}", page)
            for flag in flags:
                self.assertIn(f"\\fB{flag}\\fR", page, name)
            takes_server = name in ("compare", "measure", "run")
            self.assertEqual("[\\fB--\\fR \\fISERVER\\fR ...]" in page, takes_server, name)
        self.assertEqual({page.name for page in PAGES.iterdir()},
                         {"coldload.1", *(f"coldload-{name}.1" for name in self.commands if " " not in name)})

    @needs(has_command("bash"))
    def test_bash_completes_each(self):
        for name, flags in self.commands.items():
            words = name.split()
            self.assertLessEqual(flags, set(bash_completes(*words, "-")), name)
            self.assertIn(words[-1], bash_completes(*words[:-1], words[-1][:-1]))

    @needs(has_command("fish"))
    def test_fish_completes_each(self):
        names = list(self.commands)
        asked = [f"coldload {name} -" for name in names] + [f"coldload {name[:-1]}" for name in names]
        answers = fish_completes(self.scratch, asked)
        for name, offered, completed in zip(names, answers, answers[len(names):]):
            short = {flag for flag in self.commands[name] if not flag.startswith("--")}
            self.assertLessEqual(self.commands[name] - short, offered, name)
            self.assertIn(name.split()[-1], completed)

    @needs(has_command("zsh"))
    def test_zsh_knows_each(self):
        script = SHARE / "zsh" / "site-functions" / "_coldload"
        text = script.read_text(encoding="utf-8")
        for name, flags in self.commands.items():
            branch = text.split(f"\n    '{name}')\n")[1].split("\n      ;;\n")[0]
            offered = set(re.findall(r"^ +'(?:\([^)]*\)|\*)?(--?[\w-]+)[=+]?\[", branch, re.MULTILINE))
            self.assertEqual(offered, flags, name)


def bash_completes(*words):
    """What bash offers at the end of `coldload WORDS`."""
    script = """source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
                _coldload; printf '%s\\n' "${COMPREPLY[@]}\""""
    out, err, code = output("bash", "--norc", "-c", script, SHARE / "bash-completion/completions/coldload",
                            "coldload", *words)
    if err or code:
        raise AssertionError(err or code)
    return out.split("\n")[:-1]


def fish_completes(home, lines):
    """For each of `lines`, the words that fish offers at its end."""
    ask = "".join(f"echo '>>>'; complete -C '{line}'; " for line in lines)
    out, err, code = output("fish", "--no-config", "-c",
                            f"source {SHARE}/fish/vendor_completions.d/coldload.fish; {ask}",
                            env={**environment(), "HOME": str(home), "XDG_CONFIG_HOME": str(home),
                                 "XDG_DATA_HOME": str(home), "XDG_RUNTIME_DIR": str(home)})
    if err or code:
        raise AssertionError(err or code)
    return [{line.split("\t")[0] for line in part.splitlines()} for part in out.split(">>>\n")[1:]]


# Types a line with a tab at its end into an interactive zsh, and says what the shell then ran.
ZSH_TYPES = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= RPS1= fpath=($1 \$fpath); unset zle_bracketed_paste; unsetopt prompt_cr prompt_sp"
zpty -w shell 'autoload -U compinit; compinit -u -D; coldload() { print -r -- "RAN""<${(j:|:)@}>" }'
for line in "${@[2,-1]}"; do
  zpty -w -n shell "$line"$'\t\r'
  zpty -r shell answer '*RAN<*>*'
  print -r -- "${${answer##*RAN<}%%>*}"
done
zpty -d shell
"""


@needs(plain_build())
class Completing(ScratchTest):
    @needs(has_command("bash"))
    def test_bash(self):
        self.assertEqual(bash_completes("compare", "--pa"), ["--path"])
        self.assertEqual(bash_completes("completions", ""), ["bash", "zsh", "fish"])
        self.assertEqual(bash_completes("cache", "w"), ["warm"])
        self.assertIn("bash", bash_completes("compare", "--", "bas"))
        path = self.scratch / "a model"
        path.mkdir()
        start = str(path)[:-2]
        for words in (["compare", "--path", "nvme", "=", start], ["compare", "--stage", "net", ":", start],
                      ["compare", "--out", start], ["compare", "--out", "=", start], ["inspect", start],
                      ["compare", "--", "vllm", start], ["cache", "show", start]):
            self.assertEqual(bash_completes(*words), [str(path)], words)

    @needs(has_command("bash"), has_command("shellcheck"))
    def test_bash_finds_no_fault(self):
        out, _, code = output("shellcheck", "-s", "bash", SHARE / "bash-completion/completions/coldload")
        self.assertEqual((out, code), ("", 0))

    @needs(has_command("fish"))
    def test_fish(self):
        flags, commands, shells, parts = fish_completes(
            self.scratch, ["coldload compare --pa", "coldload comp", "coldload completions ",
                           "coldload cache w"])
        self.assertEqual(flags, {"--path"})
        self.assertEqual(commands, {"compare", "completions"})
        self.assertLessEqual({"bash", "zsh", "fish"}, shells)
        self.assertEqual(parts, {"warm"})

    @needs(has_command("zsh"))
    def test_zsh(self):
        (self.scratch / "model").mkdir()
        start = str(self.scratch / "mod")
        wanted = {
            "coldload compare --pat": "compare|--path",
            "coldload compare --precis": "compare|--precision",
            f"coldload compare --path nvme={start}": f"compare|--path|nvme={start}el",
            "coldload completions fi": "completions|fish",
            "coldload cache wa": "cache|warm",
            f"coldload inspect {start}": f"inspect|{start}el",
        }
        out, err, code = output("zsh", "-f", "-c", ZSH_TYPES, "zsh", SHARE / "zsh/site-functions", *wanted,
                                env={**environment(), "HOME": str(self.scratch), "TERM": "dumb"})
        self.assertEqual((err, code), ("", 0))
        self.assertEqual([line.rstrip() for line in out.splitlines()], list(wanted.values()))

    def test_the_command_prints_what_is_installed(self):
        for shell, name in (("bash", "bash-completion/completions/coldload"),
                            ("zsh", "zsh/site-functions/_coldload"),
                            ("fish", "fish/vendor_completions.d/coldload.fish")):
            self.assertEqual(run(["completions", shell]).stdout, (SHARE / name).read_text("utf-8"))
        self.assertEqual(run(["completions", "tcsh"]).returncode, 2)


def has_man():
    """Containers of Ubuntu have a script in its place."""
    ok = bool(has_command("man")) and output("man", "--version")[0].startswith("man ")
    return Probe(ok, "needs the command man (package man-db)")


@needs(plain_build())
class ManPages(ScratchTest):
    @needs(has_man())
    def test_man_finds_no_fault(self):
        for page in PAGES.iterdir():
            out, err, code = output("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page)
            self.assertEqual((err, code), ("", 0), page.name)
            self.assertIn("SEE", out)

    @needs(has_command("mandoc"))
    def test_mandoc_finds_no_fault(self):
        out, err, code = output("mandoc", "-T", "lint", "-W", "warning", *PAGES.iterdir())
        self.assertEqual((out, err, code), ("", "", 0))
