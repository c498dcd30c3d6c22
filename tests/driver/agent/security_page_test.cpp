// docs/SECURITY.md's table of roles against the table of routes, both ways.
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "agent/routes.h"

namespace muster::agent {
namespace {

struct Row {
  std::string read;    // a role, "anybody" or "-"
  std::string change;  // likewise
};

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> found;
  std::istringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) found.push_back(trimmed(cell));
  return found;
}

// By path.
std::map<std::string, Row> table_of_roles() {
  std::map<std::string, Row> rows;
  std::ifstream page(SECURITY_PAGE);
  bool within = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| what | paths |")) {
      within = true;
    } else if (!line.starts_with('|')) {
      within = false;
    } else if (within && !line.starts_with("|--")) {
      const std::vector<std::string> row = cells(line);
      EXPECT_EQ(row.size(), 4U) << line;
      std::istringstream paths(row.at(1));
      for (std::string path; paths >> path;) {
        EXPECT_TRUE(rows.emplace(path, Row{row.at(2), row.at(3)}).second) << path << " twice";
      }
    }
  }
  return rows;
}

// The row of the path itself, or of what it is below.
std::optional<std::string> covering(const std::map<std::string, Row>& rows, std::string path) {
  while (!path.empty()) {
    if (rows.contains(path)) return path;
    path.erase(path.rfind('/'));
  }
  return std::nullopt;
}

TEST(SecurityPage, SaysForEachRouteWhichRoleItTakes) {
  const auto rows = table_of_roles();
  for (const Route& route : routes()) {
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.path));
    const auto path = covering(rows, std::string(route.path));
    ASSERT_TRUE(path.has_value());
    const Row& row = rows.at(*path);
    const std::string role = route.role ? std::string(to_text(*route.role)) : "anybody";
    EXPECT_EQ(writes(route) ? row.change : row.read, role);
  }
}

TEST(SecurityPage, PromisesNothingThatThereIsNot) {
  const auto rows = table_of_roles();
  std::set<std::string> used;
  for (const Route& route : routes()) {
    const auto path = covering(rows, std::string(route.path));
    if (path) used.insert(*path + (writes(route) ? " to change" : " to read"));
  }
  for (const auto& [path, row] : rows) {
    EXPECT_EQ(row.read != "-", used.contains(path + " to read")) << path;
    EXPECT_EQ(row.change != "-", used.contains(path + " to change")) << path;
  }
}

}  // namespace
}  // namespace muster::agent
