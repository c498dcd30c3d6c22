#!/usr/bin/env python3
"""Which file includes what its folder or its name does not allow? (docs/ARCHITECTURE.md)

check_layers.py [ROOT]    one line a breach, exit status 1 when there is any
check_layers.py --selftest  proves on made-up trees that every rule fires, and only then
"""
import pathlib
import re
import sys
import tempfile

FOLDERS = {  # folder: the project folders that it may include
    "base": {"base"},
    "collector": {"base", "collector"},
    "health": {"base", "health"},
    "identity": {"base", "identity"},
    "failover": {"base", "failover"},
    "alerting": {"base", "alerting"},
    "agent": {"base", "collector", "health", "identity", "failover", "alerting", "agent"},
}
LIBRARIES = {  # prefix of a driver's name: the headers that only it may include
    "asio": r"asio[./]",
    "civetweb": r"civetweb\.h$|CivetServer\.h$",
    "cli": r"CLI/",
    "crypt": r"crypt\.h$",
    "curl": r"curl/",
    "isal": r"isa-l\.h$",
    "openssl": r"openssl/",
    "posix": r"(sys|netinet|arpa|net|linux|asm)/|(unistd|fcntl|poll|spawn|dirent|pwd|grp|netdb|"
             r"ifaddrs|signal|sched|syslog|termios|glob|ftw)\.h$",
    "prometheus": r"prometheus/",
    "protobuf": r".*\.pb\.h$|google/protobuf/",
    "raft": r"raft\.h$|raft/",
    "re2": r"re2/",
    "sdbus": r"systemd/|sdbus-c\+\+/",
    "sqlite": r"sqlite3\.h$",
    "yaml": r"yaml-cpp/",
}
DRIVERS = set(LIBRARIES) | {"spdlog"}
DEAR = r"nlohmann/(?!json_fwd)|spdlog/|CLI/"  # compile too slowly to be in a header
EXEMPT = {"agent/main.cpp", "base/published.h"}  # the composition, and the one lock
CORES_WITH_LIBRARY = {"raft"}  # the library does no IO: its wrappers stay pure, in failover/ only
PURE_BANS = [
    (r"::now\s*\(|\bclock_gettime\s*\(|\bstd::time\s*\(|\bgettimeofday\s*\(", "reads no clock"),
    (r"\bstd::(jthread|thread|async|future|promise|(recursive_|shared_|timed_)*mutex|"
     r"condition_variable|atomic)|\bthread_local\b", "knows no thread or lock"),
    (r"\brandom_device\b|\bmt19937|\b(s?rand|drand48)\s*\(\s*\)", "draws no randomness but Rng"),
    (r"\bstd::unordered_", "uses ordered containers only"),
    (r"\b[io]?fstream\b|\bstd::(cout|cerr|cin)\b|\bgetenv\s*\(", "does no IO"),
    (r"\bco_(await|return|yield)\b", "is no coroutine"),
]
PURE_STD_BANS = r"thread|mutex|shared_mutex|condition_variable|atomic|future|fstream|iostream|" \
                r"filesystem|random|unordered_(map|set)|coroutine|stop_token|semaphore|latch"
NAMES = r"\b(?:class|struct|namespace|using|enum class)\s+(\w*(?:Manager|Helper|Util)s?)\b"
STEM_WORDS = {"manager", "managers", "helper", "helpers", "util", "utils"}
LINES_MAX = 500
TIMELESS = {("tests", "unit"), ("tests", "sim")}
SLEEPS = r"\bsleep_(for|until)\b|\b[un]?a?n?o?sleep\s*\("


def without_comments(text):
    """The text with comments blanked and its lines kept: they may name what code may not."""
    pattern = r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/'
    blank = lambda m: m[0] if m[0].startswith('"') else re.sub(r"[^\n]", " ", m[0])
    return re.sub(pattern, blank, text, flags=re.S)


def check_include(file, target, quoted):
    """Yields why this include is not allowed."""
    folder, stem_prefix = file.parts[0], file.stem.split("_")[0]
    name = file.as_posix()
    exempt = name in EXEMPT
    core_with_library = stem_prefix in CORES_WITH_LIBRARY
    driver = stem_prefix in DRIVERS and not core_with_library
    generated = target.endswith(".pb.h")  # lies beside our files but is the library's
    if quoted and not generated and "/" in target and target.split("/")[0] in FOLDERS:
        if target.split("/")[0] not in FOLDERS[folder]:
            yield f"{folder}/ may not include {target.split('/')[0]}/"
        prefix = pathlib.PurePosixPath(target).stem.split("_")[0]
        if not driver and not exempt and prefix in DRIVERS and prefix not in CORES_WITH_LIBRARY:
            yield f"a pure file may not include the driver {target}"
        return
    if file.suffix == ".h" and re.match(DEAR, target):
        yield f"<{target}> compiles too slowly for a header: include it in a .cpp"
    if re.match(r"spdlog/|fmt/", target) and folder != "agent":
        yield f"<{target}>: only agent/ logs; a core reports what happened as an effect"
    owner = next((p for p, headers in LIBRARIES.items() if re.match(headers, target)), None)
    if owner and not exempt and stem_prefix != owner:
        yield f"only {owner}_* files may include <{target}>"
    if owner == "raft" and stem_prefix == "raft" and folder != "failover":
        yield "only failover/ wraps the consensus engine"
    if driver or exempt or owner or re.match(r"nlohmann/", target):
        return
    if re.match(r"spdlog/", target):
        yield f"a pure file may not include <{target}>"
    elif re.fullmatch(PURE_STD_BANS, target):
        yield f"a pure file may not include <{target}>: take what it gives as an argument"
    elif not re.fullmatch(r"[a-z0-9_]+", target) and not (
            target == "tl/expected.hpp" and name == "base/error.h"):
        yield f"a pure file includes the standard library and the project only, not {target}"


def check_product(file, text):
    prefix = file.stem.split("_")[0]
    pure = (prefix not in DRIVERS or prefix in CORES_WITH_LIBRARY) and file.as_posix() not in EXEMPT
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        include = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if include:
            for why in check_include(file, include[2], include[1] == '"'):
                yield number, why
            continue
        code = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
        if pure:
            for pattern, why in PURE_BANS:
                if found := re.search(pattern, code):
                    yield number, f"a pure file {why}: `{found[0]}`"
        if re.search(r"\bcatch\s*\(\s*\.\.\.\s*\)\s*\{\s*\}", code):
            yield number, "a catch-all that swallows what it caught"


def check_any(file, text):
    lines = text.count("\n")
    if lines > LINES_MAX:
        yield lines, f"{lines} lines, at most {LINES_MAX}: it answers more than one question"
    if STEM_WORDS & set(re.split(r"[_.\-]", file.name.lower())):
        yield 1, "its name says no role: no Manager, Helper or Util"
    if file.suffix in (".h", ".cpp"):
        for number, line in enumerate(without_comments(text).splitlines(), 1):
            if found := re.search(NAMES, line):
                yield number, f"{found[1]} says no role: no Manager, Helper or Util"
            if file.parts[:2] in TIMELESS and re.search(SLEEPS, line):
                yield number, "time is virtual here: nothing sleeps"


def breaches(root):
    found = []
    for folder in [*FOLDERS, "tests"]:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".py") or not path.is_file():
                continue
            file = path.relative_to(root)
            text = path.read_text(encoding="utf-8")
            checks = list(check_any(file, text))
            if folder != "tests" and path.suffix != ".py":
                checks += check_product(file, text)
            found += [f"{file.as_posix()}:{number}: {why}" for number, why in checks]
    return found


# What each rule must say (None: nothing) about a file of this name with this text.
CASES = [
    ("health/swim.cpp", '#include "failover/commands.h"', "health/ may not include failover/"),
    ("identity/token.cpp", '#include "failover/commands.h"', "identity/ may not include failover/"),
    ("identity/role.cpp", '#include "identity/openssl_tls.h"', "may not include the driver"),
    ("identity/role.cpp", "#include <openssl/x509.h>", "only openssl_* files may include"),
    ("base/ids.h", '#include "agent/node.h"', "base/ may not include agent/"),
    ("agent/node.h", '#include "health/swim.h"', None),
    ("health/swim.cpp", '#include "health/asio_gossip.h"', "may not include the driver"),
    ("agent/asio_runtime.cpp", '#include "health/asio_gossip.h"', None),
    ("agent/main.cpp", '#include "agent/asio_runtime.h"', None),
    ("health/asio_gossip.cpp", "#include <asio.hpp>", None),
    ("health/asio_gossip.cpp", "#include <asio/ip/udp.hpp>", None),
    ("health/gossip.cpp", "#include <asio/ip/udp.hpp>", "only asio_* files may include"),
    ("health/asio_gossip.cpp", "#include <sqlite3.h>", "only sqlite_* files may include"),
    ("failover/sqlite_log.cpp", "#include <sqlite3.h>", None),
    ("failover/log.h", "#include <sqlite3.h>", "only sqlite_* files may include"),
    ("failover/raft_engine.cpp", "#include <raft.h>", None),
    ("failover/raft_engine.cpp", "auto t = Clock::now();", "reads no clock"),
    ("failover/raft_engine.cpp", "#include <mutex>", "may not include <mutex>"),
    ("failover/election.cpp", '#include "failover/raft_engine.h"', None),
    ("failover/election.cpp", "#include <raft.h>", "only raft_* files may include"),
    ("base/raft_types.h", "#include <raft.h>", "only failover/ wraps"),
    ("base/codec.cpp", '#include "base/wire.pb.h"', "only protobuf_* files may include"),
    ("base/protobuf_codec.cpp", '#include "base/wire.pb.h"', None),
    ("collector/cpu.cpp", "#include <unistd.h>", "only posix_* files may include"),
    ("collector/posix_host_fs.cpp", "#include <sys/statvfs.h>\n#include <fcntl.h>", None),
    ("collector/cpu.cpp", "#include <prometheus/registry.h>", "only prometheus_* files may"),
    ("failover/spec.cpp", "#include <yaml-cpp/yaml.h>", "only yaml_* files may include"),
    ("alerting/rules.cpp", "#include <curl/curl.h>", "only curl_* files may include"),
    ("agent/basic_auth.cpp", "#include <crypt.h>", "only crypt_* files may include"),
    ("agent/server.cpp", "#include <civetweb.h>", "only civetweb_* files may include"),
    ("agent/command_line.cpp", "#include <CLI/CLI.hpp>", "only cli_* files may include"),
    ("agent/cli_command_line.h", "#include <CLI/CLI.hpp>", "too slowly for a header"),
    ("agent/cli_command_line.cpp", "#include <CLI/CLI.hpp>", None),
    ("agent/json.h", "#include <nlohmann/json.hpp>", "too slowly for a header"),
    ("agent/json.h", "#include <nlohmann/json_fwd.hpp>", None),
    ("agent/json.cpp", "#include <nlohmann/json.hpp>", None),
    ("health/asio_gossip.cpp", "#include <spdlog/spdlog.h>", "only agent/ logs"),
    ("agent/node.cpp", "#include <spdlog/spdlog.h>", "a pure file may not include"),
    ("agent/asio_runtime.cpp", "#include <spdlog/spdlog.h>", None),
    ("agent/spdlog_log.cpp", "#include <spdlog/spdlog.h>", None),
    ("base/error.h", "#include <tl/expected.hpp>", None),
    ("base/ids.h", "#include <tl/expected.hpp>", "the standard library and the project only"),
    ("health/swim.cpp", "auto t = std::chrono::steady_clock::now();", "reads no clock"),
    ("health/swim.cpp", "// never calls steady_clock::now()\nint x;", None),
    ("health/swim.cpp", 'auto s = "steady_clock::now()";', None),
    ("health/asio_gossip.cpp", "auto t = std::chrono::steady_clock::now();", None),
    ("health/swim.cpp", "std::mutex m;", "knows no thread or lock"),
    ("health/swim.cpp", "std::atomic<int> n;", "knows no thread or lock"),
    ("base/published.h", "#include <mutex>\nstd::mutex m;", None),
    ("health/swim.cpp", "std::random_device seed;", "draws no randomness"),
    ("health/swim.cpp", "std::unordered_map<int, int> m;", "ordered containers only"),
    ("health/swim.cpp", "#include <unordered_map>", "may not include <unordered_map>"),
    ("health/swim.cpp", "std::ifstream in(path);", "does no IO"),
    ("health/swim.cpp", "co_await x;", "is no coroutine"),
    ("agent/asio_rpc.cpp", "co_await x;", None),
    ("agent/asio_rpc.cpp", "try { f(); } catch (...) {}", "a catch-all that swallows"),
    ("agent/node.cpp", "class PlacementManager {};", "says no role"),
    ("agent/node.cpp", "// no Manager here\nclass Placement {};", None),
    ("agent/string_util.cpp", "int x;", "its name says no role"),
    ("agent/utilization.cpp", "int x;", None),
    ("agent/node.cpp", "int x;\n" * 500, None),
    ("agent/node.cpp", "int x;\n" * 501, "501 lines"),
    ("tests/unit/health/swim_test.cpp", "std::this_thread::sleep_for(1s);", "time is virtual here"),
    ("tests/driver/wait.h", "std::this_thread::sleep_for(1ms);", None),
    ("tests/unit/health/swim_test.cpp", "#include <sys/socket.h>\n#include <thread>", None),
]


def selftest():
    wrong = []
    for name, text, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True)
            path.write_text(text + "\n" if not text.endswith("\n") else text)
            found = breaches(pathlib.Path(folder))
        fits = not found if expected is None else any(expected in line for line in found)
        if not fits:
            wrong.append(f"{name}: {text!r}: expected {expected or 'nothing'}, got {found}")
    return wrong


def main():
    if sys.argv[1:] == ["--selftest"]:
        wrong = selftest()
        print(f"{len(CASES) - len(wrong)} of {len(CASES)} cases as expected")
        sys.exit("\n".join(wrong) or 0)
    sys.exit("\n".join(breaches(pathlib.Path(*sys.argv[1:2]))) or 0)


if __name__ == "__main__":
    main()
