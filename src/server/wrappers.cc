#include "server/wrappers.h"

#include <algorithm>
#include <cctype>

#include <re2/re2.h>

#include "os/kernel_text.h"

namespace coldload::server {

namespace {

using Words = std::vector<std::string_view>;

// That change what a process may do, or how it is run, and nothing of where programs lie.
std::vector<Wrapper> plain_wrappers() {
  return {
      {.name = "env",
       .with_value = {"-u", "--unset", "-C", "--chdir"},
       .alone = {"-i", "--ignore-environment", "-v", "--debug", "-"},
       .moving = {"-C", "--chdir"},
       .line_option = "(?s)-([iv0]*)(?:S|-split-string=?)(.*)",
       .takes_variables = true},
      {.name = "numactl",
       .with_value = {"-N", "--cpunodebind", "-m", "--membind", "-C", "--physcpubind", "-p",
                      "--preferred", "-P", "--preferred-many", "-i", "--interleave", "-w",
                      "--weighted-interleave"},
       .alone = {"-l", "--localalloc", "-a", "--all", "-b", "--balancing"}},
      {.name = "taskset", .alone = {"-a", "--all-tasks", "-c", "--cpu-list"}, .operands = 1},
      {.name = "nice", .with_value = {"-n", "--adjustment"}},
      {.name = "ionice",
       .with_value = {"-c", "--class", "-n", "--classdata"},
       .alone = {"-t", "--ignore"}},
      {.name = "chrt",
       .with_value = {"-T", "--sched-runtime", "-P", "--sched-period", "-D", "--sched-deadline"},
       .alone = {"-b", "--batch", "-d", "--deadline", "-f", "--fifo", "-i", "--idle", "-o",
                 "--other", "-r", "--rr", "-R", "--reset-on-fork", "-v", "--verbose"},
       .operands = 1},
      {.name = "nohup"},
      {.name = "setsid", .alone = {"-c", "--ctty", "-f", "--fork", "-w", "--wait"}},
      {.name = "setarch", .alone = {"-R", "--addr-no-randomize"}, .operands = 1},
      {.name = "prlimit"},
      {.name = "stdbuf", .with_value = {"-i", "--input", "-o", "--output", "-e", "--error"}},
      {.name = "time",
       .with_value = {"-o", "--output", "-f", "--format"},
       .alone = {"-a", "--append", "-p", "--portability", "-v", "--verbose", "-q", "--quiet"},
       .does_more = true},
      {.name = "timeout",
       .with_value = {"-k", "--kill-after", "-s", "--signal"},
       .alone = {"--foreground", "--preserve-status", "-v", "--verbose"},
       .operands = 1},
      {.name = "chroot", .alone = {"--skip-chdir"}, .operands = 1, .finds = Finds::elsewhere},
      {.name = "flock",
       .with_value = {"-w", "--wait", "--timeout", "-E", "--conflict-exit-code"},
       .alone = {"-s", "--shared", "-x", "-e", "--exclusive", "-n", "--nb", "--nonblock", "-o",
                 "--close", "-F", "--no-fork", "--verbose"},
       .operands = 1},
      {.name = "ddtrace-run", .alone = {"-d", "--debug", "-p", "--profiling", "-i", "--info"}},
      {.name = "opentelemetry-instrument", .unlisted = Unlisted::takes_next_word},
      {.name = "newrelic-admin", .subcommands = {"run-program"}},
      {.name = "runuser",
       .with_value = {"-u", "--user", "-g", "--group", "-G", "--supp-group"},
       .alone = {"-m", "-p", "--preserve-environment"}},
      {.name = "gosu", .operands = 1},
      {.name = "su-exec", .operands = 1},
      {.name = "s6-setuidgid", .operands = 1},
      {.name = "setpriv",
       .with_value = {"--reuid", "--regid", "--ruid", "--euid", "--rgid", "--egid", "--groups",
                      "--inh-caps", "--ambient-caps", "--bounding-set", "--securebits",
                      "--pdeathsig", "--selinux-label", "--apparmor-profile"},
       .alone = {"-d", "--dump", "--clear-groups", "--keep-groups", "--init-groups", "--nnp",
                 "--no-new-privs", "--reset-env"}},
      {.name = "sudo",
       .with_value = {"-u", "--user",  "-g", "--group", "-C", "--close-from",
                      "-D", "--chdir", "-h", "--host",  "-p", "--prompt",
                      "-r", "--role",  "-t", "--type",  "-T", "--command-timeout",
                      "-R", "--chroot"},
       .alone = {"-E", "--preserve-env", "-H", "--set-home", "-n", "--non-interactive", "-b",
                 "--background", "-S", "--stdin", "-i", "--login"},
       .finds = Finds::elsewhere,
       .takes_variables = true},
      {.name = "tini", .with_value = {"-p", "-e"}, .alone = {"-s", "-g", "-v", "-w"}},
      {.name = "dumb-init",
       .with_value = {"-r", "--rewrite"},
       .alone = {"-c", "--single-child", "-v", "--verbose"}},
      {.name = "catatonit", .alone = {"-g"}},
      {.name = "strace",
       .with_value = {"-e", "-o", "-s", "-O", "-S", "-u", "-P", "-a", "-I", "-b"},
       .alone = {"-f", "-ff", "-tt", "-t", "-T", "-r", "-y", "-yy", "-v", "-q", "-qq", "-c", "-C",
                 "-k"},
       .variable_flags = {"-E"},
       .does_more = true},
      {.name = "coldload",
       .with_value = {"--port", "--ready-url", "--stage"},
       .alone = {"--quiet"},
       .subcommands = {"run"},
       .operands = 1}};
}

// That set up an environment of Python's, or a container's file system.
std::vector<Wrapper> environment_wrappers() {
  const Words conda_flags =
      os::split("-n --name -p --prefix --cwd -a --attach -e --env -r --root-prefix", ' ');
  const Words conda_alone = os::split(
      "-v --verbose --dev --debug-wrapper-scripts --no-capture-output --live-stream -q "
      "--quiet",
      ' ');
  const Words container_flags = os::split(
      "-B --bind --env --env-file -H --home --pwd --cwd -S --scratch -W --workdir -o "
      "--overlay --mount --fusemount --network --network-args --security --add-caps "
      "--drop-caps --apply-cgroups --dns --hostname --app --memory --cpus --cpuset-cpus "
      "--shm-size --pem-path",
      ' ');
  const Words container_alone = os::split(
      "--nv --nvccli --rocm -c --contain -C --containall -e --cleanenv -w --writable "
      "--writable-tmpfs -u --userns -p --pid -i --ipc -n --net --uts --no-home --no-mount "
      "--fakeroot -f --no-init --compat --no-privs --keep-privs",
      ' ');
  const Words uv_flags = os::split(
      "--with --with-editable --with-requirements --python -p --project --directory "
      "--package --extra --no-extra --group --no-group --only-group --env-file --index "
      "--default-index --index-url -i --extra-index-url --find-links -f --index-strategy "
      "--keyring-provider --config-file --config-setting -C --cache-dir --color "
      "--link-mode --refresh-package --reinstall-package --upgrade-package -P --prerelease "
      "--resolution --exclude-newer --no-build-package --no-binary-package "
      "--no-build-isolation-package --python-platform --fork-strategy "
      "--allow-insecure-host --from",
      ' ');
  const Words uv_alone = os::split(
      "--isolated --active --exact --frozen --locked --offline --no-sync --no-project "
      "--no-dev --dev --only-dev --all-extras --all-groups --all-packages --no-cache -n "
      "--no-env-file --no-config --no-editable --no-progress --managed-python "
      "--no-managed-python --refresh --reinstall -U --upgrade -q --quiet -v --verbose -s "
      "--script --no-default-groups --no-index --native-tls",
      ' ');
  std::vector<Wrapper> wrappers{
      {.name = "uv",
       .with_value = uv_flags,
       .alone = uv_alone,
       .subcommands = {"run"},
       .finds = Finds::elsewhere,
       .module_flag = "--module"},
      {.name = "uvx", .with_value = uv_flags, .alone = uv_alone, .finds = Finds::elsewhere},
      {.name = "poetry",
       .with_value = {"-C", "--directory", "-P", "--project"},
       .subcommands = {"run"},
       .finds = Finds::elsewhere},
      {.name = "pixi",
       .with_value = {"-e", "--environment", "--manifest-path"},
       .subcommands = {"run"},
       .finds = Finds::elsewhere}};
  for (const char* const name : {"pipenv", "hatch", "rye", "pdm"}) {
    wrappers.push_back({.name = name, .subcommands = {"run"}, .finds = Finds::elsewhere});
  }
  for (const char* const name : {"conda", "mamba", "micromamba"}) {
    wrappers.push_back({.name = name,
                        .with_value = conda_flags,
                        .alone = conda_alone,
                        .subcommands = {"run"},
                        .finds = Finds::elsewhere});
  }
  for (const char* const name : {"apptainer", "singularity"}) {
    wrappers.push_back({.name = name,
                        .with_value = container_flags,
                        .alone = container_alone,
                        .subcommands = {"exec"},
                        .operands = 1,
                        .finds = Finds::elsewhere});
  }
  return wrappers;
}

// Almost every option of these takes a value.
std::vector<Wrapper> launchers() {
  return {
      {.name = "nsys",
       .alone = {"-h", "--help", "-v", "--version"},
       .subcommands = {"profile", "launch"},
       .unlisted = Unlisted::takes_next_word,
       .does_more = true},
      {.name = "torchrun",
       .alone = {"-h", "--help", "--standalone", "--no-python", "--run-path"},
       .finds = Finds::scripts,
       .unlisted = Unlisted::takes_next_word,
       .does_more = true,
       .module_flag = "--module",
       .program_flag = "--no-python"},
      // https://huggingface.co/docs/accelerate/package_reference/cli
      {.name = "accelerate",
       .alone = os::split("-h --help -q --quiet --debug --cpu --multi-gpu --tpu --tpu-cluster "
                          "--no-tpu-cluster --use-deepspeed --use-fsdp --use-parallelism-config "
                          "--use-megatron-lm --use-xpu --same-network --no-python "
                          "--enable-cpu-affinity --aws-fake",
                          ' '),
       .subcommands = {"launch"},
       .finds = Finds::scripts,
       .unlisted = Unlisted::takes_next_word,
       .does_more = true,
       .module_flag = "--module",
       .program_flag = "--no-python"},
      // https://docs.ray.io/en/latest/cluster/cli.html: it starts Ray on every node, and the
      // command, which follows "--", on the head.
      {.name = "ray",
       .alone = {"-h", "--help", "--disable-usage-stats"},
       .subcommands = {"symmetric-run"},
       .unlisted = Unlisted::takes_next_word,
       .does_more = true,
       .remark = "ray starts daemons of its own: what they read is on the server's account, "
                 "and they are ended with it"}};
}

// Open MPI's and Hydra's (MPICH, Intel MPI), which take long options with one dash, too.
// https://docs.open-mpi.org/en/main/man-openmpi/man1/mpirun.1.html
std::vector<Wrapper> mpi_launchers() {
  const Wrapper mpirun{
      .name = "mpirun",
      .with_value = os::split(
          "-n -np -c -N -npernode -npersocket -H -host -hosts -hostfile -machinefile -f -wd -wdir "
          "-map-by -bind-to -rank-by -ppn -perhost -genvlist -envlist -timeout -launcher "
          "-bootstrap -rmk -iface -output-filename -prefix -path -rankfile -rf -tune -am "
          "-personality -stdin "
          "-cpu-set -cpu-list -outfile-pattern -errfile-pattern -output",
          ' '),
      .with_two = os::split("-mca -gmca -omca -pmca -prtemca -pmixmca -genv -env", ' '),
      .alone = os::split(
          "-h -help -q -quiet -v -verbose -V -version -l -allow-run-as-root -oversubscribe "
          "-nooversubscribe -tag-output -timestamp-output -display-map -display-allocation "
          "-report-bindings -use-hwthread-cpus -bind-to-core -bind-to-socket -nolocal -bynode "
          "-byslot -genvall -genvnone -envall -envnone -prepend-rank -merge-stderr-to-stdout "
          "-enable-recovery -disable-recovery -novm -noprefix",
          ' '),
      .variable_flags = {"-x"},
      .moving = {"-wd", "-wdir", "-path"},
      .does_more = true,
      .has_long_options_with_one_dash = true,
      .remark = "mpirun starts one server a rank: what it starts on other machines is not seen"};
  std::vector<Wrapper> launchers;
  for (const char* const name :
       {"mpirun", "mpiexec", "orterun", "prterun", "mpirun.openmpi", "mpiexec.openmpi",
        "mpirun.mpich", "mpiexec.mpich", "mpiexec.hydra"}) {
    launchers.push_back(mpirun);
    launchers.back().name = name;
  }
  return launchers;
}

const std::vector<Wrapper>& wrappers() {
  static const std::vector<Wrapper> k_wrappers = [] {
    std::vector<Wrapper> all = plain_wrappers();
    for (const auto& more : {environment_wrappers(), launchers(), mpi_launchers()}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }();
  return k_wrappers;
}

bool holds(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "-n5", "--bind=/x": the value stands in the option's own word.
bool has_value_within(const Wrapper& wrapper, const std::string& word) {
  const bool is_long = wrapper.has_long_options_with_one_dash || word.rfind("--", 0) == 0;
  return is_long ? word.find('=') != std::string::npos : word.size() > 2;
}

// The option's name as the lists have it.
std::string listed_name(const Wrapper& wrapper, const std::string& word) {
  std::string name = word.substr(0, word.find('='));
  std::replace(name.begin(), name.end(), '_', '-');
  const bool has_two_dashes = name.size() > 2 && name.rfind("--", 0) == 0;
  return wrapper.has_long_options_with_one_dash && has_two_dashes ? name.substr(1) : name;
}

// The option at `at`; returns how many of the words after it are its values.
std::size_t read_option(const Wrapper& wrapper, const std::vector<std::string>& argv,
                        std::size_t at, Behind* behind) {
  const std::string& word = argv[at];
  const std::string name = listed_name(wrapper, word);
  if (name == wrapper.program_flag) behind->is_script = false;
  if (holds(wrapper.moving, name)) behind->moves = true;
  if (holds(wrapper.alone, name)) return 0;
  if (holds(wrapper.with_two, name)) return 2;
  const bool is_within = has_value_within(wrapper, word);
  if (holds(wrapper.variable_flags, name)) {
    const auto variable = at + 1 < argv.size() ? assignment(argv[at + 1]) : std::nullopt;
    if (variable) behind->variables.push_back(*variable);
    return 1;
  }
  const bool takes_next = holds(wrapper.with_value, word) || holds(wrapper.with_value, name);
  if (takes_next && word.find('=') == std::string::npos) return 1;
  const bool is_last = at + 1 >= argv.size() || argv[at + 1].rfind('-', 0) == 0;
  const bool may_take_next =
      wrapper.unlisted == Unlisted::takes_next_word && !is_within && !is_last;
  behind->is_sure = behind->is_sure && (may_take_next || is_within);
  return may_take_next ? 1 : 0;
}

}  // namespace

std::optional<std::pair<std::string, std::string>> assignment(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  const std::string name = word.substr(0, equals);
  const bool is_name = std::all_of(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  if (!is_name || std::isdigit(static_cast<unsigned char>(name.front())) != 0) return std::nullopt;
  return std::pair(name, word.substr(equals + 1));
}

const Wrapper* wrapper_of(std::string_view word) {
  const std::string_view name = word.substr(word.rfind('/') + 1);
  const auto found =
      std::find_if(wrappers().begin(), wrappers().end(),
                   [name](const Wrapper& candidate) { return candidate.name == name; });
  return found == wrappers().end() ? nullptr : &*found;
}

Behind look_behind(const Wrapper& wrapper, const std::vector<std::string>& argv, std::size_t at) {
  Behind behind;
  behind.is_script = wrapper.finds == Finds::scripts;
  const std::size_t none = argv.size();
  std::size_t operands = wrapper.operands;
  bool wants_subcommand = !wrapper.subcommands.empty();
  for (++at; at < none; ++at) {
    const std::string& word = argv[at];
    if (word == "--") {
      behind.at = std::min(at + 1, none);
      return behind;
    }
    const bool is_module_flag =
        !wrapper.module_flag.empty() && (word == "-m" || word == wrapper.module_flag);
    if (is_module_flag && !wants_subcommand) {
      behind.is_module = true;
      behind.at = std::min(at + 1, none);
      return behind;
    }
    if (wrapper.line_option != nullptr && re2::RE2::FullMatch(word, wrapper.line_option)) break;
    if (!word.empty() && word.front() == '-') {
      at += read_option(wrapper, argv, at, &behind);
    } else if (wants_subcommand) {
      if (!holds(wrapper.subcommands, word)) break;
      wants_subcommand = false;
    } else if (const auto variable = wrapper.takes_variables ? assignment(word) : std::nullopt) {
      behind.variables.push_back(*variable);
    } else if (operands > 0) {
      --operands;
    } else {
      behind.at = at;
      return behind;
    }
  }
  behind.at = none;
  return behind;
}

}  // namespace coldload::server
