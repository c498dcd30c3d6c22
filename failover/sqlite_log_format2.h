// What is different in a consensus.db of format 2, and how does it become the present format?
//
// A driver (SQLite). Part of opening a file; see SqliteUpgrade. Two layouts call themselves
// format 2: the one that does not tell whose log it is, and a later one whose tables are those of
// the present format.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/sqlite_database.h"
#include "failover/sqlite_log_rows.h"

namespace muster::failover {

// Of the earlier layout, whose other tables are those of the present format.
[[nodiscard]] std::string log_schema2();

// Of the earlier layout, with `self` 0; errors are those of read_state().
[[nodiscard]] Result<std::optional<StateRow>> read_state_format2(SqliteDatabase& database);

// Writes that row, or the lack of it, in the present table; all others are the same in both.
// Pre: inside a transaction.
[[nodiscard]] Status upgrade_format2(SqliteDatabase& database,
                                     const std::optional<StateRow>& state);

}  // namespace muster::failover
