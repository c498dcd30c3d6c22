#include "agent/posix_terminal.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace muster::agent {
namespace {

// Another screen, without a cursor and without broken lines, and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
constexpr std::string_view kLeave = "\x1b[?7h\x1b[?25h\x1b[?1049l";

}  // namespace

TerminalSize terminal_size() {
  TerminalSize size;
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_col > 0) size.columns = window.ws_col;
  if (window.ws_row > 0) size.rows = window.ws_row;
  return size;
}

bool terminal_has_blocks() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale(value);
    return locale.find("UTF-8") != std::string_view::npos ||
           locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

bool PosixTerminal::there() {
  const char* kind = std::getenv("TERM");
  const bool dumb = kind == nullptr || *kind == '\0' || std::string_view(kind) == "dumb";
  return !dumb && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
}

PosixTerminal::PosixTerminal() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number :
       {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT}) {
    sigaddset(&taken, number);
  }
  ::pthread_sigmask(SIG_BLOCK, &taken, &mask_before_);
  signals_ = Descriptor(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  ::tcgetattr(STDIN_FILENO, &before_);
  enter();
}

PosixTerminal::~PosixTerminal() {
  leave();
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void PosixTerminal::enter() {
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  (void)write_all(STDOUT_FILENO, kEnter);
}

void PosixTerminal::leave() {
  (void)write_all(STDOUT_FILENO, kLeave);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

// SIGCONT, which ends it, comes through wait() like every other signal.
void PosixTerminal::suspend() {
  leave();
  ::kill(::getpid(), SIGSTOP);
}

bool PosixTerminal::draw(const std::vector<std::string>& lines) {
  std::string out = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\r\n";
    out += lines[i];
    out += "\x1b[K";
  }
  out += "\x1b[J";
  return write_all(STDOUT_FILENO, out);
}

PosixTerminal::Happened PosixTerminal::wait(Duration at_most) {
  pollfd watched[2] = {{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}};
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at_most).count();
  const int ready = ::poll(watched, 2, static_cast<int>(std::clamp<std::int64_t>(ms, 0, 60'000)));
  if (ready <= 0) return Happened::Nothing;
  if ((watched[1].revents & POLLIN) != 0) return signalled();
  if ((watched[0].revents & POLLIN) != 0) return key();
  return Happened::Quit;  // the terminal hung up
}

PosixTerminal::Happened PosixTerminal::key() {
  char bytes[32];
  const auto count = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (count <= 0) return Happened::Quit;
  const std::string_view typed(bytes, static_cast<std::size_t>(count));
  constexpr char kInterrupt = 3;  // Ctrl-C and Ctrl-D, which nobody else takes now
  constexpr char kEnd = 4;
  constexpr char kSuspend = 26;  // Ctrl-Z
  if (typed.find_first_of("qQ") != std::string_view::npos || typed.front() == kInterrupt ||
      typed.front() == kEnd) {
    return Happened::Quit;
  }
  if (typed.front() == kSuspend) suspend();
  if (typed.starts_with("j") || typed.starts_with("\x1b[B")) return Happened::Down;
  if (typed.starts_with("k") || typed.starts_with("\x1b[A")) return Happened::Up;
  return Happened::Nothing;
}

PosixTerminal::Happened PosixTerminal::signalled() {
  signalfd_siginfo what{};
  auto happened = Happened::Nothing;
  while (::read(signals_.get(), &what, sizeof what) == sizeof what) {
    switch (what.ssi_signo) {
      case SIGTSTP: suspend(); break;
      case SIGCONT: enter(); [[fallthrough]];
      case SIGWINCH: happened = Happened::Resized; break;
      default: return Happened::Quit;
    }
  }
  return happened;
}

}  // namespace muster::agent
