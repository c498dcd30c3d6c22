// How does a program draw on a whole terminal and leave it as it was?
//
// Driver (termios, signalfd). One object at a time, made before other threads are, so that none of
// them takes its signals. However the program is told to end, by a key or by a signal, it learns of
// it from wait(), and the destructor leaves the terminal as it was. Stopped by SIGTSTP or Ctrl-Z,
// it leaves the terminal meanwhile. Nothing can be done about SIGKILL and SIGSTOP.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <signal.h>
#include <termios.h>

#include "base/posix_file.h"
#include "base/time.h"

namespace muster::agent {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};
// Of the terminal that stdout is; 80 x 24 where it is none.
[[nodiscard]] TerminalSize terminal_size();
// Whether the locale of the environment writes UTF-8.
[[nodiscard]] bool terminal_has_blocks();

class PosixTerminal {
 public:
  // Whether stdin and stdout are a terminal that can be drawn on.
  [[nodiscard]] static bool there();

  // Takes the screen and the keys, and the signals: they come through wait().
  PosixTerminal();
  ~PosixTerminal();
  PosixTerminal(const PosixTerminal&) = delete;
  PosixTerminal& operator=(const PosixTerminal&) = delete;

  // The whole screen; what a line lacks is blank. False: the terminal is gone.
  [[nodiscard]] bool draw(const std::vector<std::string>& lines);

  enum class Happened { Nothing, Quit, Up, Down, Resized };
  // The next key or signal that means something; Nothing after `at_most`. Resized also after the
  // program was stopped and goes on.
  [[nodiscard]] Happened wait(Duration at_most);

 private:
  void enter();
  void leave();
  void suspend();
  [[nodiscard]] Happened key();
  [[nodiscard]] Happened signalled();

  termios before_{};
  sigset_t mask_before_{};
  Descriptor signals_;
};

}  // namespace muster::agent
